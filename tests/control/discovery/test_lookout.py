"""Nodes that are known stay known, whatever a look shows."""

import asyncio
import logging
from collections.abc import Sequence

import pytest

from config.discovery_settings import Discover
from config.settings import Settings
from control.discovery.discovery import Discovery, completed
from control.discovery.lookout import Lookout
from control.discovery.source import DiscoveryError, Found, node_at

DNS = Discover(dns="app", port=80, at_least=0.1)


class Scripted:
    """A source that says what it was told to, then the last of it for ever."""

    def __init__(self, *said: Found | str) -> None:
        self._said = list(said)

    async def look(self) -> Found:
        said = self._said.pop(0) if len(self._said) > 1 else self._said[0]
        if isinstance(said, str):
            raise DiscoveryError(said)
        return said


def found(*hosts: str, problems: Sequence[str] = ()) -> Found:
    return Found(tuple(node_at(DNS, host, (host, 80)) for host in hosts), 0.0, tuple(problems))


def names(lookout: Lookout) -> list[str]:
    return [node.name for node in lookout.nodes]


async def test_a_failure_keeps_what_is_known_and_is_complained_about_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "limpet.discovery")
    script = Scripted(found("a", "b"), "SERVFAIL", "NXDOMAIN", found("a", "b"), found("b", "c"))
    lookout = Lookout("shop", DNS, script)
    changed = [await lookout.look() for _ in range(5)]
    assert changed == [True, False, False, False, True]
    lines = [record.getMessage() for record in caplog.records]
    assert lines[0] == "discovery: service=shop nodes found: +a +b"
    assert lines[1] == "discovery: service=shop DNS app: SERVFAIL; keeping the 2 nodes that were found"
    assert lines[2] == "discovery: service=shop DNS app can be looked at again"
    assert lines[3] == "discovery: service=shop nodes found: +c -a"
    assert [record.levelname for record in caplog.records].count("WARNING") == 1


async def test_part_of_an_answer_counts_and_the_rest_is_said() -> None:
    lookout = Lookout("shop", DNS, Scripted("nobody there", found("a", problems=["b has no address"])))
    await lookout.look()
    assert (lookout.problem, lookout.found) == ("nobody there", 0.0)
    assert lookout.tried > 0
    await lookout.look()
    assert (names(lookout), lookout.problem) == (["a"], "b has no address")
    assert lookout.found > 0


async def test_it_looks_again_and_tells_who_must_know_until_they_do() -> None:
    lookout = Lookout("shop", DNS, Scripted(found("a"), found("a", "b")))
    told: list[list[str]] = []
    done = asyncio.Event()

    async def changed() -> None:
        told.append(names(lookout))
        if len(told) == 1:
            raise RuntimeError("cannot be done now")
        done.set()

    await lookout.look()
    lookout.start(changed)
    await asyncio.wait_for(done.wait(), 60)
    await lookout.stop()
    assert told == [["a", "b"], ["a", "b"]]


async def test_insisting_ends_with_the_first_node() -> None:
    lookout = Lookout("shop", DNS, Scripted("not yet", "not yet", found("a")))
    await asyncio.wait_for(lookout.insist(), 60)
    assert names(lookout) == ["a"]


def settings(discover: dict[str, object] | None, **more: object) -> Settings:
    nodes = [{"name": "own", "url": "http://own:80"}, {"name": "b", "url": "http://elsewhere:80"}]
    shop = {"nodes": nodes, **({"discover": discover} if discover else {}), **more}
    return Settings.model_validate({"services": {"shop": shop}})


def test_nodes_of_the_file_come_first() -> None:
    own = settings({"dns": "app", "port": 80})
    lookout = Lookout("shop", DNS, Scripted("x"), found("a", "b", "own", "elsewhere").nodes)
    whole = completed(own, {"shop": lookout})
    assert [node.name for node in whole.services["shop"].nodes] == ["own", "b", "a"]
    assert str(whole.services["shop"].nodes[1].url) == "http://elsewhere:80"


def test_limpet_is_no_node_of_its_own() -> None:
    own = settings({"dns": "app", "port": 80})
    itself = node_at(DNS, "127.0.0.1:8080", ("127.0.0.1", 8080))
    lookout = Lookout("shop", DNS, Scripted("x"), (itself, *found("a").nodes))
    assert [node.name for node in completed(own, {"shop": lookout}).services["shop"].nodes] == [
        "own",
        "b",
        "a",
    ]


async def test_only_what_has_changed_is_looked_for_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []

    def source(discover: Discover) -> Scripted:
        looked.append(str(discover.dns))
        return Scripted(found("a") if discover.dns == "one" else "nobody knows")

    monkeypatch.setattr("control.discovery.discovery.source_of", source)
    discovery = Discovery()
    first = settings({"dns": "one", "port": 80})
    assert discovery.go_by(first, await discovery.prepare(first)) == []
    assert [node.name for node in discovery.settings.services["shop"].nodes] == ["own", "b", "a"]

    same = settings({"dns": "one", "port": 80}, on_unavailable="strict")
    assert discovery.go_by(same, await discovery.prepare(same)) == []
    assert looked == ["one"]

    other = settings({"dns": "two", "port": 80})  # nobody answers: what was known stays
    (unused,) = discovery.go_by(other, await discovery.prepare(other))
    assert unused.discover.dns == "one"
    assert looked == ["one", "two"]
    assert [node.name for node in discovery.settings.services["shop"].nodes] == ["own", "b", "a"]
    (facts,) = discovery.facts()
    assert (facts["source"], facts["up"], facts["problem"], facts["nodes"]) == (
        "DNS two",
        False,
        "nobody knows",
        1,
    )

    none = settings(None)
    (unused,) = discovery.go_by(none, await discovery.prepare(none))
    assert discovery.facts() == []
    assert [node.name for node in discovery.settings.services["shop"].nodes] == ["own", "b"]
