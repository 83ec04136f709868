"""The two kinds of load: as fast as it goes with a fixed number of clients, and paced whatever comes back."""

import random
import select
import time
from collections import deque
from collections.abc import Callable

from bench import other_clients
from bench.client import Client, WrongAnswer
from bench.work import Work

STUCK_SECONDS = 10.0


class Load:
    """Some clients of one proxy. Close it to free the connections."""

    def __init__(
        self,
        port: int,
        work: Work,
        client: Callable[[int, Work, select.epoll, int], Client] = other_clients.client,
    ) -> None:
        """`client`: who makes one, if not as the work's kind says."""
        self.epoll = select.epoll()
        self.clients: dict[int, Client] = {}
        self.idle: deque[Client] = deque()
        for number in range(work.clients):
            one = client(port, work, self.epoll, number)
            self.clients[one.sock.fileno()] = one
            self.idle.append(one)

    def close(self) -> None:
        for client in self.clients.values():
            client.close()
        self.epoll.close()

    @property
    def moved(self) -> int:
        """Answers that came from another node than the client's last one."""
        return sum(client.moved for client in self.clients.values())

    def saturate(self, seconds: float, most: int) -> int:
        """Each client sends again as soon as it is answered, for that long or until `most` answers.

        Returns how many answers were complete.
        """
        end = time.perf_counter() + seconds
        while self.idle:
            self.idle.popleft().send()
        done = 0
        while time.perf_counter() < end and done < most:
            for client in self.answered(STUCK_SECONDS):
                client.send()
                done += 1
        return done

    def settle(self) -> None:
        """Wait for the answers that are still out."""
        while len(self.idle) < len(self.clients):
            self.idle.extend(self.answered(STUCK_SECONDS))

    def pace(self, rate: float, seconds: float) -> list[float]:
        """Requests at random times, `rate` a second on average (the same times for everybody).

        Returns the latency of each in seconds, from when it was due and not from when it could be sent, so
        that a proxy that stalls pays for all that had to wait (no coordinated omission).
        """
        chance = random.Random(1)
        latencies: list[float] = []
        begin = time.perf_counter()
        due = begin
        while due < begin + seconds or len(self.idle) < len(self.clients):
            now = time.perf_counter()
            while due <= now and due < begin + seconds and self.idle:
                client = self.idle.popleft()
                client.started = due
                client.send()
                due += chance.expovariate(rate)
            waits = self.idle and due < begin + seconds
            for client in self.answered(max(0.0, due - now) if waits else STUCK_SECONDS, paced=bool(waits)):
                latencies.append(time.perf_counter() - client.started)
                self.idle.append(client)
        return latencies

    def answered(self, patience: float, paced: bool = False) -> list[Client]:
        """The clients whose answers are complete; waits up to `patience` seconds for something to happen."""
        if paced:  # epoll counts in milliseconds, select in microseconds
            select.select([self.epoll], [], [], patience)
            events = self.epoll.poll(0)
        else:
            events = self.epoll.poll(patience)
            if not events:
                raise WrongAnswer(f"no answer for {patience:.0f} seconds")
        ready = []
        for number, event in events:
            client = self.clients[number]
            if event & select.EPOLLOUT:
                client.write()
            if event & ~select.EPOLLOUT and client.read():
                ready.append(client)
                if client.work.fresh:
                    self.clients[client.sock.fileno()] = self.clients.pop(number)
        return ready
