"""Whatever is asked of a node, in whatever order, the Node.js SDK says and does what the Python SDK does."""

import json
import logging
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from tests.sdk.nodes import KEY, TAKEOVER, TTL, A, B, C
from tests.sdk_node.cores import Did, NodeCore, PythonCore

RUNS, DEEDS = 300, 60
STATES = ["", "eyJ4IjoxfQ==", "eyJ5IjoyLCJ4IjoiMSJ9"]  # {"x":1}, {"y":2,"x":"1"}
BAD = ["", "x", "-1", "07", "1.0", "1e3", " 1", "9007199254740992", "1, 1", "YQ", "٣"]
ODD = [None, True, False, 0, -1, 1.0, 1.5, 1e3, "1", "", [], {}, 2**53, "eA", "eB=="]
KEYS = ["x", "x", "y", "z", "__proto__", "save me"]
VALUES = [0, 1, 1, 2, "1", 'é\n"€😀', None, True, [1, {"a": []}], "w" * 60]
QUERIES = [
    "",
    f"after={A}",
    "limit=1",
    f"limit=2&after={B}",
    "limit=0",
    "a=1",
    "after",
    "limit=1&limit=2",
    "&",
]
METHODS = ["GET", "HEAD", "PUT", "PUT", "POST", "POST", "POST", "DELETE", "PATCH"]


class Chance:
    """Makes up what to do next, mostly such that it has a point, and does it with the Python SDK."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._python = PythonCore()
        self._under_way: list[int] = []
        self.told: list[dict[str, Any]] = []
        self.expected: list[Did] = []
        self._do({"does": "reset"})

    def go_on(self) -> None:
        kinds = ("ask", "set", "remove", "finish", "call", "batch", "wait")
        kind = self._random.choices(kinds, (25, 25, 6, 18, 10, 12, 4))[0]
        if self._under_way or kind not in ("set", "remove", "finish"):
            self._do(getattr(self, "_" + kind)())

    def look(self) -> None:
        """Everything that is held."""
        self._do({**self._call(), "method": "GET", "path": "/", "query": ""})
        for name in (A, B, C):
            self._do({**self._call(), "method": "GET", "path": f"/{name}"})

    def _do(self, deed: dict[str, Any]) -> None:
        did = self._python.do(deed)
        self.told.append(deed)
        self.expected.append(did)
        if deed["does"] == "ask" and "state" in did:
            self._under_way.append(deed["visit"])
        if deed["does"] == "finish":
            self._under_way.remove(deed["visit"])

    def _rarely(self) -> bool:
        return self._random.random() < 0.1

    def _name(self) -> str:
        return self._random.choice([A, A, A, B, C])

    def _version(self, name: str) -> int:
        held = self._python.version(name)
        other = self._random.randint(1, 4) * TAKEOVER + self._random.randint(0, 2)
        return self._random.choice(
            [held, held, held + 1, max(held - 1, 1), self._random.randint(1, 5), other]
        )

    def _number(self, name: str) -> int:
        above = self._python.version(name) // TAKEOVER + self._random.choice([0, 1, 1, 1, 2])
        return above * TAKEOVER or 1

    def _ttl(self) -> int:
        return self._random.choice([TTL, TTL, TTL // 3])

    def _ask(self) -> dict[str, Any]:
        name = self._name()
        version = self._python.version(name) if self._random.random() < 0.6 else self._version(name)
        fields = {"key": KEY, "session": name, "version": str(version), "ttl": str(self._ttl())}
        if version and self._random.random() < 0.3:
            fields["state"] = self._random.choice(STATES)
        if self._random.random() < 0.3:
            fields["takeover"] = str(self._number(name))
        if self._rarely():
            fields[self._random.choice([*fields, "stale"])] = self._random.choice(BAD)
        return {"does": "ask", "visit": len(self.told), "fields": headed(fields)}

    def _set(self) -> dict[str, Any]:
        key, value = self._random.choice(KEYS), self._random.choice(VALUES)
        return {"does": "set", "visit": self._random.choice(self._under_way), "key": key, "value": value}

    def _remove(self) -> dict[str, Any]:
        key = self._random.choice(KEYS)
        return {"does": "remove", "visit": self._random.choice(self._under_way), "key": key}

    def _finish(self) -> dict[str, Any]:
        how = self._random.choices(["save", "end", "renew"], (12, 1, 2))[0]
        return {"does": "finish", "visit": self._random.choice(self._under_way), "how": how}

    def _wait(self) -> dict[str, Any]:
        return {"does": "wait", "seconds": self._random.choice([1, TTL // 3, TTL])}

    def _call(self) -> dict[str, Any]:
        name, method = self._name(), self._random.choice(METHODS)
        path = self._random.choice(
            [f"/{name}"] * 5 + [f"/{name}/fence"] * 5 + ["/", "", "/short", f"/{name}/x/"]
        )
        told = {"version": self._version(name), "fence": self._number(name), "ttl": self._ttl()}
        fields = {field: str(value) for field, value in told.items()}
        if self._rarely():
            fields[self._random.choice([*fields])] = self._random.choice(BAD)
        return {
            "does": "call",
            "method": method,
            "path": path,
            "query": self._random.choice(QUERIES),
            "fields": headed(fields),
            "body": self._random.choice(["", "{}", "x" * 101]) if method == "PUT" else "",
        }

    def _batch(self) -> dict[str, Any]:
        body = "\n".join(self._line() for _ in range(self._random.randint(1, 4)))
        return {**self._call(), "method": "POST", "path": "/", "body": body}

    def _line(self) -> str:
        if self._rarely():
            return self._random.choice(["{", "5", "[]", "null", "", " \r", '{"id":"x","get":true}'])
        name = self._name()
        form = self._random.choice(["put", "touch", "end", "get", "fence", "fence for"])
        told: dict[str, Any] = {"id": name}
        if form in ("put", "touch"):
            told["version"] = self._version(name)
        if form in ("put", "touch", "end", "fence for"):
            told["ttl"] = self._ttl()
        told |= {
            "put": {"state": self._random.choice(STATES)},
            "end": {"end": True},
            "get": {"get": True},
        }.get(form, {})
        if form.startswith("fence"):
            told["fence"] = self._number(name)
        if self._rarely():
            told[self._random.choice([*told, "end", "get", "fence", "version"])] = self._random.choice(ODD)
        return json.dumps(told, separators=self._random.choice([None, (",", ":")]))


def headed(fields: dict[str, str]) -> dict[str, str]:
    return {f"limpet-{name}": value for name, value in fields.items()}


@pytest.fixture
def node() -> Iterator[NodeCore]:
    core = NodeCore()
    logging.getLogger("limpet_session").setLevel(logging.ERROR)  # discarded saves are what this is about
    yield core
    logging.getLogger("limpet_session").setLevel(logging.NOTSET)
    core.close()


def test_both_say_and_do_the_same(node: NodeCore) -> None:
    seen: set[str] = set()
    for seed in range(RUNS):
        chance = Chance(seed)
        for _ in range(DEEDS):
            chance.go_on()
        chance.look()
        for deed, wanted, did in zip(chance.told, chance.expected, node.do_all(chance.told), strict=True):
            assert did == wanted, (seed, deed)
            seen |= {str(did.get("status")), str(did.get("need")), *did.get("headers", ()), *did}
    # It has come to what it is about.
    assert seen >= {"200", "204", "400", "404", "405", "409", "410", "413", "503", "id", "state", "malformed"}
    assert seen >= {"Limpet-State", "Limpet-Need", "Limpet-End", "Limpet-Renew", "Limpet-Serving", "error"}
