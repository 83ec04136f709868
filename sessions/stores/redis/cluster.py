"""The servers of a Redis Cluster: which one has a session, and what to do when it has moved."""

import asyncio
import binascii
from collections.abc import Callable, Sequence

from hiredis import ReplyError

from sessions.stores.redis.connection import Command, Connection, Reply, connect
from sessions.stores.redis.faults import Fault, Unavailable, fault_of, words_of
from sessions.stores.redis.link import PAUSE_SECONDS, Link
from sessions.stores.redis.servers import Answer, ask
from sessions.stores.redis.url import Place, RedisUrl

SLOTS = 16_384


def slot_of(session_id: str) -> int:
    """The slot of `limpet:{<id>}`: CRC16 (XMODEM) of what is in the braces."""
    return binascii.crc_hqx(session_id.encode(), 0) % SLOTS


class Cluster:
    """A link to each primary, and the map of slots; while a server is down the map is learnt anew."""

    def __init__(
        self, url: RedisUrl, timeout_seconds: float, announce: Callable[[str, bool, str], None]
    ) -> None:
        self._url = url
        self._timeout_seconds = timeout_seconds
        self._announce = announce
        self._links: dict[Place, Link] = {}
        self._map: list[Place | None] = [None] * SLOTS
        self._learning: asyncio.Task[None] | None = None
        self._known = False

    @property
    def up(self) -> bool:
        return self._known and all(link.up for link in self._links.values())

    @property
    def connections(self) -> int:
        return sum(link.connections for link in self._links.values())

    async def open(self, deadline: float) -> None:
        try:
            async with asyncio.timeout_at(deadline):
                await self._learn()
        except (TimeoutError, Unavailable) as error:
            self._announce(str(self._url.places[0]), False, str(error) or "no answer in time")
            self._learn_again()

    async def run(
        self, ids: Sequence[str], commands: Sequence[Command], wait: Command | None, deadline: float
    ) -> list[Answer]:
        answers = await self._send([self._map[slot_of(id)] for id in ids], commands, wait, deadline)
        moved = [at for at, answer in enumerate(answers) if _is(answer, Fault.MOVED)]
        asked = [at for at, answer in enumerate(answers) if _is(answer, Fault.ASK)]
        if moved:
            self._learn_again()
            places = [self._place_in(answers[at]) for at in moved]
            again = await self._send(places, [commands[at] for at in moved], wait, deadline)
            for at, answer in zip(moved, again, strict=True):
                answers[at] = answer
        for at in asked:
            place = self._place_in(answers[at])
            there = await ask(self._link(place), [("ASKING",), commands[at]], wait, deadline)
            answers[at] = there[1]
        return answers

    async def ask_each(self, commands: Sequence[Command], deadline: float) -> dict[str, list[Answer]]:
        links = list(self._links.items())
        return {str(place): await ask(link, commands, None, deadline) for place, link in links}

    async def close(self) -> None:
        if self._learning:
            self._learning.cancel()
            await asyncio.wait([self._learning])
        for link in self._links.values():
            await link.close()

    async def _send(
        self,
        places: Sequence[Place | None],
        commands: Sequence[Command],
        wait: Command | None,
        deadline: float,
    ) -> list[Answer]:
        """One answer for each command, asked of the server at its place; the servers are asked at once."""
        groups: dict[Place, list[int]] = {}
        answers = [Answer(Unavailable("no server of the cluster has its slot"))] * len(commands)
        for at, place in enumerate(places):
            if place:
                groups.setdefault(place, []).append(at)
            else:
                self._learn_again()
        batches = [
            ask(self._link(place), [commands[at] for at in group], wait, deadline)
            for place, group in groups.items()
        ]
        for group, parts in zip(groups.values(), await asyncio.gather(*batches), strict=True):
            for at, part in zip(group, parts, strict=True):
                answers[at] = part
        return answers

    def _link(self, place: Place) -> Link:
        if place not in self._links:

            async def connect_there() -> Connection:
                return await connect(place, self._url.login, 0, self._url.tls)

            self._links[place] = Link(
                connect_there, self._timeout_seconds, lambda up, why: self._changed(place, up, why)
            )
        return self._links[place]

    def _changed(self, place: Place, up: bool, why: str) -> None:
        self._announce(str(place), up, why)
        if not up:
            self._learn_again()

    def _learn_again(self) -> None:
        if self._learning is None or self._learning.done():
            self._learning = asyncio.create_task(self._keep_learning())

    async def _keep_learning(self) -> None:
        """Learn the map now, and every half second for as long as a server is down."""
        while True:
            known = self._known
            try:
                async with asyncio.timeout(self._timeout_seconds):
                    await self._learn()
                if not known:
                    self._announce(str(self._url.places[0]), True, "")
            except (TimeoutError, Unavailable):
                pass  # said when it began; asked again below
            if self.up:
                return
            await asyncio.sleep(PAUSE_SECONDS)

    async def _learn(self) -> None:
        """Ask the servers that are up, then those of the URL, for the map. Raises Unavailable."""
        places = [place for place, link in self._links.items() if link.up]
        why = "it names no server"
        for place in dict.fromkeys([*places, *self._url.places]):
            try:
                async with asyncio.timeout(self._timeout_seconds / 4):
                    return await self._adopt(await self._slots_from(place), place)
            except TimeoutError:
                why = f"no answer from {place}"
            except Unavailable as error:
                why = str(error)
        raise Unavailable(why)

    async def _slots_from(self, place: Place) -> Reply:
        connection = await connect(place, self._url.login, 0, self._url.tls)
        try:
            reply = (await connection.call([("CLUSTER", "SLOTS")]))[0]
        finally:
            connection.abort()
        if isinstance(reply, ReplyError):
            raise Unavailable(words_of(reply))
        return reply

    async def _adopt(self, slots: Reply, asked: Place) -> None:
        fresh: list[Place | None] = [None] * SLOTS
        for entry in slots if isinstance(slots, list) else ():
            match entry:
                case [int(first), int(last), [host, int(port), *_], *_]:
                    name = host.decode() if isinstance(host, bytes) else ""
                    place = Place(name or asked.host, port)
                    fresh[first : last + 1] = [place] * (last + 1 - first)
        if not any(fresh):
            raise Unavailable(f"{asked} has no map of the cluster")
        self._map, self._known = fresh, True
        primaries = {place for place in fresh if place}
        for place in primaries:
            self._link(place)
        for place in self._links.keys() - primaries:
            link = self._links.pop(place)
            if not link.up:
                self._announce(str(place), True, "is no longer part of the cluster")
            await link.close()

    def _place_in(self, answer: Answer) -> Place:
        """Where a MOVED or an ASK points: `MOVED 3999 127.0.0.1:6381`."""
        host, _, port = str(answer.reply).split(" ")[2].rpartition(":")
        return Place(host or self._url.places[0].host, int(port))


def _is(answer: Answer, fault: Fault) -> bool:
    return isinstance(answer.reply, ReplyError) and fault_of(answer.reply) == fault
