"""The store in a Redis: operations to commands, answers to outcomes, one log line for each change."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

from hiredis import ReplyError

from sessions.stores.complaints import Complaints
from sessions.stores.redis.advice import advice_on
from sessions.stores.redis.cluster import Cluster
from sessions.stores.redis.connection import Command
from sessions.stores.redis.faults import Fault, Unavailable, fault_of, words_of
from sessions.stores.redis.script import command_for, outcome_of, with_script
from sessions.stores.redis.servers import Answer, Servers, Single
from sessions.stores.redis.url import Kind, RedisUrl
from sessions.stores.store import Get, Operation, Outcome, Status

logger = logging.getLogger("limpet.stores")


class RedisStore:
    """Sessions in a Redis, Valkey or Dragonfly; fills `sessions.stores.store.Store`."""

    def __init__(
        self,
        name: str,
        url: RedisUrl,
        *,
        timeout_seconds: float = 1.0,
        wait_replicas: int = 0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`wait_replicas`: a write is only done when this many replicas have it, within half the timeout."""
        self.name = name
        self._timeout_seconds = timeout_seconds
        self._wait_replicas = wait_replicas
        self._clock = clock
        self._complaints = Complaints(name)
        self._down_since: dict[str, float] = {}
        servers = Cluster if url.kind == Kind.CLUSTER else Single
        self._servers: Servers = servers(url, timeout_seconds, self._announce)

    @property
    def up(self) -> bool:
        return self._servers.up

    @property
    def connections(self) -> int:
        return self._servers.connections

    async def open(self) -> None:
        await self._servers.open(self._deadline())

    async def run(self, batch: Sequence[Operation]) -> list[Outcome]:
        now, deadline = int(self._clock()), self._deadline()
        commands = [command_for(operation, now) for operation in batch]
        answers = await self._ask(batch, commands, deadline)
        missing = _to_repeat(batch, answers)
        if missing:
            again = await self._ask(
                [batch[at] for at in missing], [with_script(commands[at]) for at in missing], deadline
            )
            for at, answer in zip(missing, again, strict=True):
                answers[at] = answer
        return [self._outcome(operation, *answer) for operation, answer in zip(batch, answers, strict=True)]

    async def advice(self) -> list[str]:
        return await advice_on(self._servers, self._deadline())

    async def close(self) -> None:
        await self._servers.close()

    def _deadline(self) -> float:
        return asyncio.get_running_loop().time() + self._timeout_seconds

    async def _ask(
        self, batch: Sequence[Operation], commands: Sequence[Command], deadline: float
    ) -> list[Answer]:
        wait: Command | None = None
        if self._wait_replicas and not all(isinstance(operation, Get) for operation in batch):
            wait = ("WAIT", self._wait_replicas, max(1, int(self._timeout_seconds * 500)))
        return await self._servers.run([operation.id for operation in batch], commands, wait, deadline)

    def _outcome(self, operation: Operation, reply: object, replicas: object) -> Outcome:
        if isinstance(reply, Unavailable):
            return Outcome(Status.FAILED, why=str(reply))
        if isinstance(reply, ReplyError):
            return self._refused(words_of(reply), complain=fault_of(reply) == Fault.COMMAND)
        try:
            outcome = outcome_of(operation, reply if isinstance(reply, list) else [])
        except (ValueError, IndexError) as error:
            return self._refused(str(error), complain=True)
        if self._wait_replicas and outcome.status <= Status.SUPERSEDED and not isinstance(operation, Get):
            return self._replicated(outcome, replicas)
        return outcome

    def _replicated(self, outcome: Outcome, replicas: object) -> Outcome:
        if isinstance(replicas, int) and replicas >= self._wait_replicas:
            return outcome
        if isinstance(replicas, int):
            return self._refused(f"only {replicas} of {self._wait_replicas} replicas have it", complain=True)
        return self._refused(f"WAIT was answered with: {replicas}", complain=True)

    def _refused(self, why: str, complain: bool) -> Outcome:
        if complain:
            self._complaints.say(why)
        return Outcome(Status.FAILED, why=why)

    def _announce(self, place: str, up: bool, why: str) -> None:
        now = time.monotonic()
        if not up:
            self._down_since[place] = now
            logger.warning("store %s: %s is down: %s; it is tried every half second", self.name, place, why)
        else:
            seconds = now - self._down_since.pop(place, now)
            logger.info("store %s: %s %s, after %.1f s", self.name, place, why or "answers again", seconds)


def _to_repeat(batch: Sequence[Operation], answers: Sequence[Answer]) -> list[int]:
    """Which operations a server without the script has not done, with the reads that came after them."""
    found: list[int] = []
    for at, (reply, _) in enumerate(answers):
        lacking = isinstance(reply, ReplyError) and fault_of(reply) == Fault.SCRIPT
        if lacking or (found and isinstance(batch[at], Get)):
            found.append(at)
    return found
