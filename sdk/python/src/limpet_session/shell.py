"""What the shells of all frameworks have in common: letting requests in, and answering the proxy."""

import logging
import os
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol, TypedDict, Unpack

from limpet_session import headers
from limpet_session.address import Address, read_address
from limpet_session.endpoint import (
    PATH,
    Asked,
    Call,
    Endpoint,
    Plan,
    Reply,
    forbidden,
    framed,
    say,
    too_large,
)
from limpet_session.endpoint_server import EndpointServer
from limpet_session.headers import Malformed
from limpet_session.node import MAX_STATE, Node, random_id, refuse
from limpet_session.rules import Refusal
from limpet_session.serializer import Serializer
from limpet_session.session import Session
from limpet_session.storage import Storage
from limpet_session.visit import Life

__all__ = ["Asked", "Options", "Shell", "forbidden", "framed"]

FENCE_SECONDS = 0.5  # below the second after which a proxy gives up waiting for an answer
POLL_SECONDS = 0.002  # between two looks whether requests under way are out
log = logging.getLogger("limpet_session")
_CROWDED = (
    "this node has several processes, and each keeps its sessions in its own memory: give LimpetSession "
    "file= or endpoint=, so that they share them, or run one process"
)


class Options(TypedDict, total=False):
    """The keywords that every shell takes.

    `file`: where the processes of a node keep their sessions together. `endpoint`: where the proxy asks for
    them (its `sessions_url`), `HOST:PORT` or `unix:/PATH`, else what LIMPET_ENDPOINT says; with it there is
    a file unless another storage is named. `path`: where the same is under the app. `session`: what the app
    sees. `max_state`: bytes. `fence_seconds`: how long requests under way may hold up a session's move.
    """

    file: str | os.PathLike[str] | None
    endpoint: str | None
    path: str
    storage: Storage
    serializer: Serializer
    session: type[Session]
    max_state: int
    fence_seconds: float
    clock: Callable[[], float]
    new_id: Callable[[], str]


class Server(Protocol):
    """What serves the endpoint at an address of its own."""

    def start(self) -> None:
        """From now on; may be called again and again."""

    def stop(self) -> None:
        """The process is about to end."""


class Shell:
    """A node as a framework's shell uses it, from threads that may wait. For others: `LoopShell`.

    Raises ValueError for keys that cannot be.
    """

    def __init__(self, keys: Iterable[str | bytes], **options: Unpack[Options]) -> None:
        endpoint = options.get("endpoint") or os.environ.get("LIMPET_ENDPOINT")
        address = read_address(endpoint) if endpoint else None
        storage = options.get("storage")
        if storage is None:
            storage = _storage(options.get("file"), address)
        self.node = Node(
            keys,
            storage=storage,
            serializer=options.get("serializer"),
            session=options.get("session", Session),
            max_state=options.get("max_state", MAX_STATE),
            clock=options.get("clock", time.monotonic),
            new_id=options.get("new_id", random_id),
        )
        self.fence_seconds = options.get("fence_seconds", FENCE_SECONDS)
        self.endpoint = Endpoint(self.node)
        self._path = options.get("path", PATH).rstrip("/")
        self.address = address
        self.server: Server | None = None
        if address:
            self.server = EndpointServer(address, getattr(storage, "locks", None), self)

    def serve(self) -> None:
        """The app is about to be asked: from now on the endpoint is at its own address, if it has one.

        Not before, for what only imports the app, or forks its workers, serves nothing.
        """
        if self.server is not None:
            self.server.start()

    def close(self) -> None:
        """The app's server is about to end."""
        if self.server is not None:
            self.server.stop()

    # A request to the app: open it, `finish` or `abandon` the life, `leave`, `check`.

    def open(self, ours: Mapping[bytes, bytes]) -> Life | Reply:
        """Let a request in, given the contract's headers that it came with; or what to answer instead."""
        if self.server is not None:
            self.server.start()
        try:
            life = self.node.open(ours)
        except Malformed as error:
            return say(400, str(error), (headers.VERSION, b"0"))
        except Exception:
            # Whatever a serializer raises: one unreadable state must not look like a node without a contract.
            log.exception("the state of a session cannot be read")
            return say(500, "the session cannot be read", (headers.VERSION, b"0"))
        return Reply(409, refuse(life), b"") if isinstance(life, Refusal) else life

    def crowded(self, ours: Mapping[bytes, bytes]) -> Reply | None:
        """What to answer where several processes serve at one address, unless they share their sessions."""
        if self.node.storage.blocking or not self.node.trusts(ours):
            return None
        log.error(_CROWDED)
        return say(500, _CROWDED, (headers.VERSION, b"0"))

    # A call of the endpoint.

    def rest(self, path: str) -> str | None:
        """What follows the endpoint's path in a request's path; None: the request is for the app."""
        if not path.startswith(self._path):
            return None
        rest = path[len(self._path) :]
        return rest if not rest or rest[0] == "/" else None

    def trusts(self, ours: Mapping[bytes, bytes]) -> bool:
        """As `Node.trusts`."""
        return self.node.trusts(ours)

    def answer(self, asked: Asked, read: Callable[[int], bytes | None]) -> Reply:
        """Answer a call. `read` is given a limit, and returns the body, or None where that is larger."""
        if not self.trusts(asked.ours):
            return forbidden()
        body = read(self.max_body)
        return too_large(self.max_body) if body is None else self.carry_out(Call(*asked, body))

    def carry_out(self, call: Call) -> Reply:
        """Answer a call with a right key."""
        plan = self.endpoint.plan(call)
        return self._wait(plan) if plan.fences else plan.run()

    @property
    def max_body(self) -> int:
        """Bytes of a call's body."""
        return self.endpoint.max_body

    def _wait(self, plan: Plan) -> Reply:
        """Run the plan once the requests under way in the sessions that it fences have sent their heads."""
        until = time.monotonic() + self.fence_seconds
        hold = self.node.running.hold(plan.fences)
        try:
            # Who takes longer will find the session gone when it saves, and say so.
            while not hold.clear() and time.monotonic() < until:
                time.sleep(POLL_SECONDS)  # the requests may be another process's, which wakes nobody
            return plan.run()  # before the hold ends: nobody gets in between
        finally:
            hold.end()


def _storage(file: str | os.PathLike[str] | None, address: Address | None) -> Storage | None:
    """None: the memory of this process."""
    if not (file or address):
        return None
    try:
        from limpet_session.file_storage import FileStorage, file_for
    except ImportError:  # there is no fcntl on Windows, whose servers have one process
        if file:
            raise ValueError("file= needs the locks of a POSIX system") from None
        return None
    return FileStorage(file or file_for(str(address)))
