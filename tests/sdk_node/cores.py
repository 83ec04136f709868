"""Both SDKs' cores, each of which is told to do things and says what came of it."""

import itertools
import json
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from limpet_session import Node, SessionError, headers
from limpet_session.endpoint import Call, Endpoint
from limpet_session.headers import Malformed
from limpet_session.rules import Refusal
from limpet_session.visit import Answer, Visit
from tests.sdk.nodes import KEY, Clock
from tests.sdk_node.conftest import HERE

MAX_STATE = 100
Did = dict[str, Any]


class NodeCore:
    """The Node.js one, in a process of its own: see core.js."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            ["node", str(HERE / "core.js")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def do_all(self, deeds: Sequence[Mapping[str, Any]]) -> list[Did]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(deeds).encode() + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the core has ended"
        did: list[Did] = json.loads(line)
        return did

    def close(self) -> None:
        self._process.kill()
        self._process.communicate(timeout=60)


class PythonCore:
    """The Python one, in the same words."""

    def do(self, deed: Mapping[str, Any]) -> Did:
        given = dict(deed)
        did: Did = getattr(self, "_" + given.pop("does"))(**given)
        return did

    def version(self, name: str) -> int:
        """What is held of a session; 0: nothing."""
        held = self._node.storage.find(name, self._clock.now)
        return held.version if held else 0

    def _reset(self) -> Did:
        ids = itertools.count(1)
        self._clock = Clock()
        self._node = Node(
            [KEY], max_state=MAX_STATE, clock=self._clock, new_id=lambda: f"renewed{next(ids):014d}A"
        )
        self._endpoint = Endpoint(self._node)
        self._visits: dict[int, Visit] = {}
        return {}

    def _wait(self, seconds: int) -> Did:
        self._clock.now += seconds
        return {}

    def _ask(self, visit: int, fields: dict[str, str]) -> Did:
        try:
            request = headers.read_request(coded(fields))
        except Malformed:
            return {"malformed": True}
        assert request is not None
        try:
            life = self._node.admit(request)
        except ValueError:
            return {"unreadable": True}
        if isinstance(life, Refusal):
            return {"need": life.need.value, "mark": life.mark}
        assert isinstance(life, Visit)
        self._visits[visit] = life
        return {"version": life._ticket.version, "state": life._ticket.state.decode()}

    def _set(self, visit: int, key: str, value: object) -> Did:
        self._visits[visit].session[key] = value
        return {}

    def _remove(self, visit: int, key: str) -> Did:
        self._visits[visit].session.pop(key, None)
        return {}

    def _finish(self, visit: int, how: str) -> Did:
        life = self._visits.pop(visit)
        kept = dict(life.session)
        if how == "renew":  # as express-session's `regenerate`, and all put in again
            life.session.clear()
            life.session.renew()
            life.session.update(kept)
        if how == "end" or (how == "renew" and not kept):
            life.session.end()
        try:
            did = answered(life.finish())
        except SessionError:
            did = {**answered(life.finish()), "error": True}
        life.leave()
        return did

    def _call(self, method: str, path: str, query: str, fields: dict[str, str], body: str) -> Did:
        call = Call(method, path, query.encode(), coded(fields), body.encode())
        reply = self._endpoint.plan(call).run()
        return {"status": reply.status, "headers": named(reply.headers), "body": reply.body.decode()}


def coded(fields: Mapping[str, str]) -> dict[bytes, bytes]:
    return {name.encode(): value.encode() for name, value in fields.items()}


def named(told: list[headers.Header]) -> dict[str, str]:
    fields = {name.decode().title().replace("Ttl", "TTL"): value.decode() for name, value in told}
    return {**fields, **({"Limpet-Node": "x"} if "Limpet-Node" in fields else {})}  # it is random


def answered(answer: Answer) -> Did:
    return {"headers": named(answer.headers), "status": answer.status}
