"""Serves a node's endpoint at an address of its own, in a thread: copies never wait for the app's workers."""

import logging
import os
import socket
import threading
import time
from contextlib import closing, suppress
from typing import Protocol

from limpet_session.address import COMPLAIN_SECONDS, CONNECTIONS, RETRY_SECONDS, Address, Claim
from limpet_session.conversation import IDLE_SECONDS, Conversation, Desk
from limpet_session.endpoint import Call, Reply, say

SERVER = 1  # the byte of the lock file that the process which serves has alone
TURN_SECONDS = 0.05  # between two looks whether it is this process's turn
READ_BYTES = 1 << 16
log = logging.getLogger("limpet_session")


class Locks(Protocol):
    """What the processes of a node agree by."""

    def take(self, at: int) -> bool:
        """Whether `at` is this process's now, and no other's."""


class Clerk(Desk, Protocol):
    """Who answers calls."""

    def carry_out(self, call: Call) -> Reply:
        """May wait."""


class EndpointServer:
    """One process of a node serves; when it dies, the next takes over at once.

    `locks`: None where there is only this one.
    """

    def __init__(self, address: Address, locks: Locks | None, clerk: Clerk) -> None:
        self.address = address
        self._clerk = clerk
        self._locks = locks
        self._started = 0  # by which process
        self._starting = threading.Lock()
        self._places = threading.Semaphore(CONNECTIONS)

    def start(self) -> None:
        """Serve, or be ready to, from now on; once in each process that calls it."""
        if self._started != os.getpid():
            with self._starting:
                if self._started != os.getpid():
                    self._started = os.getpid()
                    threading.Thread(target=self._run, name="limpet-endpoint", daemon=True).start()

    def stop(self) -> None:
        """Its threads end with the process, and until then the address is of use to nobody else."""

    def _run(self) -> None:
        while self._locks is not None and not self._locks.take(SERVER):
            time.sleep(TURN_SECONDS)  # to wait in the kernel would stop a process whose threads are gevent's
        claim = Claim(self.address)
        while (listener := claim.listen()) is None:
            time.sleep(RETRY_SECONDS)  # nothing tells when the address is given back
        while True:
            try:
                connection, _ = listener.accept()
            except ConnectionError:  # gone before it was accepted
                continue
            except OSError as error:
                log.error("the endpoint at %s takes no connections: %s", self.address, error)
                time.sleep(COMPLAIN_SECONDS)  # no descriptors left, as a rule: others have to give some back
                continue
            if self._places.acquire(blocking=False):
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()
            else:
                connection.close()

    def _serve(self, connection: socket.socket) -> None:
        """One connection."""
        try:
            with closing(connection), suppress(OSError):
                connection.settimeout(IDLE_SECONDS)
                if not self.address.path:
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._converse(connection)
                connection.shutdown(socket.SHUT_WR)
        finally:
            self._places.release()

    def _converse(self, connection: socket.socket) -> None:
        conversation = Conversation(self._clerk)
        while not conversation.over:
            call = conversation.next()
            if call is not None:
                reply = call if isinstance(call, Reply) else self._carry_out(call)
                connection.sendall(conversation.answer(reply))
            elif data := connection.recv(READ_BYTES):
                conversation.feed(data)
            else:
                return

    def _carry_out(self, call: Call) -> Reply:
        try:
            return self._clerk.carry_out(call)
        except Exception:  # the thread's boundary: the proxy is told, and the log
            log.exception("a call of the sessions' endpoint failed")
            return say(500, "Internal Server Error")
