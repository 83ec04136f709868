"""What holds for a node whatever is asked of it, in whatever order."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from limpet_session import file_storage, headers
from limpet_session.file_storage import FileStorage
from limpet_session.rules import Refusal
from limpet_session.visit import Visit
from tests.sdk.nodes import TAKEOVER, TTL, A, B, C, NodeAtHand, finish, packed

IDS = st.sampled_from([A, B, C])
NUMBERS = st.integers(1, 6).map(lambda times: times * TAKEOVER)
KEYS = st.sampled_from("xyz")
VERSIONS = st.one_of(st.integers(1, 5), st.builds(lambda base, more: base + more, NUMBERS, st.integers(0, 3)))

HANDED = st.none() | st.builds(lambda value: {"x": -value}, st.integers(1, 2))
ASKED = st.one_of(st.just(0), VERSIONS)


@dataclass
class Known:
    """What the test knows of a session."""

    version: int = 0
    fence: int = 0
    ended: bool = False
    until: float = 0.0  # nothing of it may be forgotten before
    held: dict[str, int] = field(default_factory=dict)  # as the acknowledged writes have made it
    serving: bool = False
    tickets: int = 0  # how often it has begun to be served or stopped


@dataclass
class Under:
    """A request under way."""

    name: str
    visit: Visit
    tickets: int
    told: int  # the version that it was let in with
    base: dict[str, int]

    def apply(self, data: dict[str, int]) -> dict[str, int]:
        """What the session is once this request's changes are put over it."""
        mine: dict[str, int] = dict(self.visit.session)
        changed = {key: value for key, value in mine.items() if self.base.get(key) != value}
        kept = {key: value for key, value in data.items() if key in mine or key not in self.base}
        return kept | changed


class NodeMachine(RuleBasedStateMachine):
    visits = Bundle("visits")

    @initialize()
    def start(self) -> None:
        self.at = NodeAtHand()
        self.known: dict[str, Known] = {}
        self.count = 0

    def of(self, name: str) -> Known:
        """What is known of a session now: nothing, once it may have been forgotten."""
        known = self.known.setdefault(name, Known())
        if known.until and self.at.clock.now >= known.until:
            known = self.known[name] = Known(tickets=known.tickets + 1)
        return known

    def keep(self, known: Known) -> None:
        known.until = max(known.until, self.at.clock.now + TTL)

    @rule(target=visits, name=IDS, version=ASKED, handed=HANDED, number=NUMBERS, take=st.booleans())
    def ask(self, name: str, version: int, handed: dict[str, int] | None, number: int, take: bool) -> object:
        known = self.of(name)
        handed = handed if version else None
        self.at.clock.now += 0.001  # no two requests come at one instant
        visit = self.at.ask(name, version, handed, number if take else 0)
        if isinstance(visit, Refusal):
            assert (visit.need == "id") == known.ended
            assert visit.mark == max(known.version, known.fence)
            assert known.ended or take or handed is not None or not known.serving or version > known.version
            return multiple()
        adopted = handed is not None and (version, handed) != (known.version, known.held)
        adopted = adopted and version >= known.version
        told = self.at.held(name)[0]
        assert not known.ended and told >= max(version, known.version, known.fence)
        assert take or adopted or known.serving or version == known.version == 0
        if take or adopted or not known.serving:
            known.tickets += 1
        known.held, known.serving = handed if adopted and handed is not None else known.held, True
        assert visit.session == known.held, "a request sees all that was written"
        known.version, known.until = told, max(known.until, self.at.clock.now + TTL)
        return Under(name, visit, known.tickets, told, dict(visit.session))

    @rule(under=visits, key=KEYS, remove=st.booleans())
    def change(self, under: Under, key: str, remove: bool) -> None:
        if remove:
            under.visit.session.pop(key, None)
        else:
            self.count += 1
            under.visit.session[key] = self.count

    @rule(under=consumes(visits), how=st.sampled_from(["save", "save", "save", "end", "renew"]))
    def answer(self, under: Under, how: str) -> None:
        known = self.of(under.name)
        if how == "end":
            under.visit.session.end()
        elif how == "renew":
            under.visit.session.renew()
        writes = how != "save" or under.visit.session != under.base
        saved = under.apply(known.held)
        told = finish(under.visit)
        version = int(told[headers.VERSION])
        if not known.serving or known.tickets != under.tickets:
            assert (told.get(headers.NEED) == b"state") == writes
            assert (told.get(b"status") == b"503") == writes
            assert version == under.told
            return
        assert headers.NEED not in told
        if how == "save":
            self.check_save(known, saved, version, under.told, writes)
        else:
            self.check_end(known, version, told.get(headers.RENEW, b"").decode(), saved)

    def check_save(self, known: Known, saved: dict[str, int], version: int, told: int, writes: bool) -> None:
        if not writes:
            assert version == told
            return
        assert version == known.version + (saved != known.held) >= known.fence
        if saved != known.held:
            self.keep(known)
        known.version, known.held = version, saved

    def check_end(self, known: Known, version: int, renewed: str, saved: dict[str, int]) -> None:
        if renewed:
            assert self.at.held(renewed) == (version, saved, True) and version == known.version + 1
        known.ended, known.serving = True, False
        known.tickets += 1
        self.keep(known)

    @rule(name=IDS, version=VERSIONS, value=st.integers(0, 2))
    def put(self, name: str, version: int, value: int) -> None:
        known = self.of(name)
        body = packed({"x": -value})
        reply = self.at.call("PUT", f"/{name}", body, version=version, ttl=TTL)
        if reply.status == 204:
            assert not known.ended and version >= max(known.version, known.fence)
            known.version, known.held, known.serving = version, {"x": -value}, False
            known.tickets += 1
            self.keep(known)
            assert self.at.held(name) == (version, {"x": -value}, False)
        elif reply.status == 409:
            assert dict(reply.headers) == {headers.VERSION: b"%d" % max(known.version, known.fence)}
            assert version <= max(known.version, known.fence)
        else:
            assert reply.status == 410 and known.ended

    @rule(name=IDS, number=NUMBERS)
    def fence(self, name: str, number: int) -> None:
        known = self.of(name)
        reply = self.at.call("POST", f"/{name}/fence", fence=number, ttl=TTL)
        if reply.status in (200, 404):
            assert number > max(known.version, known.fence) and not known.ended
            assert (reply.status == 200) == (known.version > 0)
            known.fence, known.serving = number, False
            known.tickets += 1
            self.keep(known)
        else:
            assert reply.status == (410 if known.ended else 409)
            assert known.ended or number <= max(known.version, known.fence)

    @rule(name=IDS)
    def delete(self, name: str) -> None:
        known = self.of(name)
        assert self.at.call("DELETE", f"/{name}", ttl=TTL).status == 204
        known.ended, known.serving = True, False
        known.tickets += 1
        self.keep(known)

    @rule(name=IDS, version=VERSIONS)
    def touch(self, name: str, version: int) -> None:
        known = self.of(name)
        [line] = self.at.batch({"id": name, "version": version, "ttl": TTL})
        expected = 410 if known.ended else 204 if known.version >= version else 404
        assert line["status"] == expected
        if expected == 204:
            self.keep(known)

    @rule(seconds=st.sampled_from([1, TTL // 2, TTL, 3 * TTL]))
    def wait(self, seconds: int) -> None:
        self.at.clock.now += seconds

    @invariant()
    def all_is_as_it_was_told(self) -> None:
        for name in self.known:
            known = self.of(name)
            reply = self.at.call("GET", f"/{name}")
            if known.ended:
                assert reply.status == 410
                continue
            assert reply.status == (200 if known.version else 404)
            if known.version:
                version, state, serving = self.at.held(name)
                assert (version, state, serving) == (known.version, known.held, known.serving)
                assert not serving or version >= known.fence

    @invariant()
    def the_list_is_all_there_is(self) -> None:
        lines = [json.loads(line) for line in self.at.call("GET", "/").body.splitlines()]
        ours = {name for name in self.known if self.of(name).version or self.of(name).ended}
        assert {line["id"] for line in lines} >= ours
        assert [line["id"] for line in lines] == sorted(line["id"] for line in lines)
        assert all(line["ttl"] > 0 for line in lines)


class FileMachine(NodeMachine):
    """The same with a file, which keeps things no longer than they must be."""

    @initialize()
    def start(self) -> None:
        super().start()
        self._folder = TemporaryDirectory()
        self._patch = patch.object(file_storage, "GRACE", 0.0)
        self._patch.start()
        self.at = NodeAtHand(storage=FileStorage(Path(self._folder.name, "sessions.db")))

    def teardown(self) -> None:
        self._patch.stop()
        self._folder.cleanup()


TestFile = FileMachine.TestCase
TestFile.settings = settings(max_examples=20, stateful_step_count=40, deadline=None)
TestNode = NodeMachine.TestCase
TestNode.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
