"""Behind the contract: what a node asks for again is sent again, and what must not be seen is not."""

import asyncio
import base64
import json
from typing import Any

import pytest

from routing.states import NodeState
from tests.scenarios.harness import RawNode, Wire, cookie_of, header, read_request, running_proxy, started
from tests.scenarios.harness import service as plain_service

KEY = "a-key-for-the-nodes-long-enough"
SETTINGS = {"node_keys": [KEY]}


class ContractNode(RawNode):
    """Answers by a script of raw heads; remembers what it was sent."""

    def __init__(self, *answers: bytes) -> None:
        super().__init__(self._answer)
        self.answers = list(answers)
        self.requests: list[tuple[bytes, bytes]] = []

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head, body = await read_request(reader)
            self.requests.append((head, body))
            writer.write(self.answers.pop(0))


def answer(*lines: bytes, status: bytes = b"200 OK", body: bytes = b"ok") -> bytes:
    fields = b"".join(line + b"\r\n" for line in lines)
    return b"HTTP/1.1 %b\r\n%bContent-Length: %d\r\n\r\n%b" % (status, fields, len(body), body)


def service(ports: list[int], **options: Any) -> dict[str, Any]:
    """A service whose nodes speak the contract, and that has no copies to wait for."""
    return plain_service(ports, sessions={"strategy": "affinity", "contract": True}, **options)


def copied(ports: list[int]) -> dict[str, Any]:
    """One whose nodes hold copies for each other."""
    return plain_service(ports, sessions={"strategy": "replication"})


async def test_the_contracts_fields_reach_the_node_and_never_the_client() -> None:
    node = ContractNode(answer(b"Limpet-Version: 1", b"X: y"))
    async with started(node), running_proxy({"app": service([node.port])}, **SETTINGS) as proxy:
        wire = await proxy.connect()
        head, _ = await wire.exchange(b"GET / HTTP/1.1\r\nHost: x\r\nLimpet-Key: forged\r\n\r\n")
        sent = node.requests[0][0]
        assert header(sent, b"Limpet-Key") == [KEY.encode()]
        assert sent.count(b"Limpet-Key") == 1
        assert header(sent, b"Limpet-Version") == [b"0"]
        assert b"limpet-version" not in head.lower()
        assert header(head, b"X") == [b"y"]


async def test_a_body_is_sent_again_to_a_node_that_needs_another_id() -> None:
    node = ContractNode(
        answer(b"Limpet-Version: 0", b"Limpet-Need: id", status=b"409 Conflict", body=b"no"),
        answer(b"Limpet-Version: 2", b"Limpet-State: " + base64.b64encode(b"{}")),
    )
    async with started(node), running_proxy({"app": service([node.port])}, **SETTINGS) as proxy:
        wire = await proxy.connect()
        request = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"
        head, body = await wire.exchange(request)
        assert (head[9:12], body) == (b"200", b"ok")
        assert cookie_of(head)
        (first, sent), (second, again) = node.requests
        assert (sent, again) == (b"body", b"body")
        assert header(first, b"Limpet-Session") != header(second, b"Limpet-Session")
        assert header(second, b"Limpet-Version") == [b"0"]


async def test_a_node_that_asks_for_ever_is_502() -> None:
    need = answer(b"Limpet-Version: 0", b"Limpet-Need: id", status=b"409 Conflict", body=b"no")
    node = ContractNode(*[need] * 20)
    async with started(node), running_proxy({"app": service([node.port])}, **SETTINGS) as proxy:
        wire = await proxy.connect()
        head, _ = await wire.exchange(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert head[9:12] == b"502"
        assert len(node.requests) <= 5


async def test_a_node_without_the_contract_is_502_and_down() -> None:
    node = ContractNode(answer())
    async with started(node), running_proxy({"app": service([node.port])}, **SETTINGS) as proxy:
        wire = await proxy.connect()
        head, _ = await wire.exchange(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert head[9:12] == b"502"
        head, _ = await wire.exchange(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert head[9:12] == b"503"
        assert len(node.requests) == 1


class InTurn(RawNode):
    """One of several that share both: `fates`, what each request meets, whoever takes it (b"": it breaks
    off), and `asked`, the heads of those requests."""

    def __init__(self, fates: list[bytes], asked: list[bytes]) -> None:
        super().__init__(self._answer)
        self.fates = fates
        self.asked = asked

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head, _ = await read_request(reader)
            if head.startswith(b"GET / "):
                self.asked.append(head)
                fate = self.fates.pop(0)
                if not fate:
                    return
                writer.write(fate)


async def test_a_second_try_is_for_another_session() -> None:
    """The node that took the first may serve it yet."""
    fates, asked = [b"", answer(b"Limpet-Version: 1")], list[bytes]()
    one, other = InTurn(fates, asked), InTurn(fates, asked)
    async with (
        started(one),
        started(other),
        running_proxy({"app": service([one.port, other.port])}, **SETTINGS) as proxy,
    ):
        wire = await proxy.connect()
        head, _ = await wire.exchange(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert head[9:12] == b"200"
        first, second = asked
        assert header(first, b"Limpet-Session") != header(second, b"Limpet-Session")
        assert header(second, b"Limpet-Version") == [b"0"]


async def test_a_node_that_asks_for_another_id_has_not_failed() -> None:
    lines = (b"Limpet-Version: 0", b"Limpet-Need: id", b"Connection: close")
    need = answer(*lines, status=b"409 Conflict", body=b"no")
    fates = [need, b"", answer(b"Limpet-Version: 1")]
    one, other = InTurn(fates, []), InTurn(fates, [])
    retries = {"tries": 2, "budget": 1.0}
    async with (
        started(one),
        started(other),
        running_proxy({"app": service([one.port, other.port], retries=retries)}, **SETTINGS) as proxy,
    ):
        wire = await proxy.connect()
        head, _ = await wire.exchange(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (head[9:12], fates) == (b"200", [])
        assert [record.tries for record in proxy.records] == [3]


class Strict(RawNode):
    """Refuses every request before an app sees it, as servers do with what they do not like.

    `knows`: what its endpoint answers to a question.
    """

    def __init__(self, knows: int, status: bytes) -> None:
        super().__init__(self._answer)
        self.knows = knows
        self.status = status

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head, body = await read_request(reader)
            if b" /.limpet/" in head:
                line = {"id": json.loads(body)["id"], "status": 404}
                writer.write(answer(status=b"%d So" % self.knows, body=json.dumps(line).encode() + b"\n"))
            else:
                writer.write(answer(status=self.status, body=b"no"))


@pytest.mark.parametrize(
    ("knows", "status", "passes"),
    [(200, b"400 Bad", True), (200, b"503 Wait", True), (404, b"400 Bad", False), (200, b"200 OK", False)],
)
async def test_what_a_server_refuses_by_itself_does_not_take_its_node_away(
    knows: int, status: bytes, passes: bool
) -> None:
    """Or any client could, with a target that is too long for it. One that takes no part is found out."""
    node = Strict(knows, status)
    async with started(node), running_proxy({"app": service([node.port])}, **SETTINGS) as proxy:
        wire = await proxy.connect()
        head, body = await wire.exchange(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (head[9:12], body == b"no") == (status[:3] if passes else b"502", passes)
        assert header(head, b"Set-Cookie") == []
        assert proxy.state_of("a") is (NodeState.UP if passes else NodeState.DOWN)


class FirstForgets(RawNode):
    """One of several that share `asked`: whoever takes the first request has no state when asked for it."""

    def __init__(self, asked: list[bytes]) -> None:
        super().__init__(self._answer)
        self.asked = asked

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head, body = await read_request(reader)
            if b" /.limpet/" in head:
                lines = [{"id": json.loads(line)["id"], "status": 404} for line in body.splitlines()]
                writer.write(answer(body=b"".join(json.dumps(line).encode() + b"\n" for line in lines)))
                continue
            self.asked.append(head)
            written = [b"Limpet-State: e30="] if len(self.asked) > 1 else []
            writer.write(answer(b"Limpet-Version: 2", *written))


@pytest.mark.parametrize(("method", "tries"), [(b"GET", 2), (b"POST", 1)])
async def test_an_answer_whose_state_has_died_with_its_node_is_had_from_another(
    method: bytes, tries: int
) -> None:
    """It may have seen somebody's large write beside it. What cannot be sent twice is 502."""
    asked: list[bytes] = []
    one, other = FirstForgets(asked), FirstForgets(asked)
    async with (
        started(one),
        started(other),
        running_proxy({"app": service([one.port, other.port])}, **SETTINGS) as proxy,
    ):
        wire = await proxy.connect()
        head, _ = await wire.exchange(method + b" / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        assert head[9:12] == (b"200" if tries == 2 else b"502")
        assert len(asked) == tries
        assert [record.fault for record in proxy.records] == ["" if tries == 2 else "state_missing"]
        assert bool(one.connections) + bool(other.connections) == tries


SINCE = (1 << 20) + 1  # the version of who has taken the session over


class Overtaken(RawNode):
    """One of two that share `asked`: a session's second request finds its node overtaken by the other one."""

    def __init__(self, asked: list["Overtaken"]) -> None:
        super().__init__(self._answer)
        self.asked = asked

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head, body = await read_request(reader)
            if b" /.limpet/" in head:
                said = b"".join(self._held(json.loads(line)["id"]) for line in body.splitlines())
                writer.write(answer(body=said))
                continue
            self.asked.append(self)
            if len(self.asked) == 1:
                writer.write(answer(b"Limpet-Version: 2", b"Limpet-State: e30="))
            elif len(self.asked) == 2:
                discarded = (b"Limpet-Version: 2", b"Limpet-Need: state")
                writer.write(answer(*discarded, status=b"503 Service Unavailable"))
            else:
                writer.write(answer(b"Limpet-Version: %d" % SINCE))

    def _held(self, name: str) -> bytes:
        serving = self.asked[1] is not self
        line = {"id": name, "status": 200, "version": SINCE if serving else 2, "state": "e30="}
        return json.dumps({**line, "serving": serving}).encode() + b"\n"


async def second_answer(wire: Wire, method: bytes) -> bytes:
    """The head of what a session's second request is answered."""
    head, _ = await wire.exchange(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    fields = b"Host: x\r\nContent-Length: 0\r\nCookie: " + cookie_of(head)
    head, _ = await wire.exchange(method + b" / HTTP/1.1\r\n" + fields + b"\r\n\r\n")
    return head


@pytest.mark.parametrize(("method", "status", "tries"), [(b"GET", b"200", 3), (b"POST", b"503", 2)])
async def test_a_session_that_was_overtaken_meanwhile_is_asked_for_where_it_is(
    method: bytes, status: bytes, tries: int
) -> None:
    """What cannot be sent twice is 503, and the client is told where to go."""
    asked: list[Overtaken] = []
    one, other = Overtaken(asked), Overtaken(asked)
    async with (
        started(one),
        started(other),
        running_proxy({"app": service([one.port, other.port])}, **SETTINGS) as proxy,
    ):
        wire = await proxy.connect()
        head = await second_answer(wire, method)
        assert (head[9:12], len(asked)) == (status, tries)
        assert asked[0] is asked[1]
        token = cookie_of(head)
        head, _ = await wire.exchange(b"GET / HTTP/1.1\r\nHost: x\r\nCookie: " + token + b"\r\n\r\n")
        assert (head[9:12], asked[-1]) == (b"200", other if asked[0] is one else one)


class Over(RawNode):
    """One of two that share `asked`: a session has ended by the time its second request is to be copied."""

    def __init__(self, asked: list[bytes]) -> None:
        super().__init__(self._answer)
        self.asked = asked  # by whom: session ids

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head, body = await read_request(reader)
            if b" /.limpet/" in head:
                status = 204 if len(self.asked) == 1 else 410
                said = [{"id": json.loads(line)["id"], "status": status} for line in body.splitlines()]
                writer.write(answer(body=b"".join(json.dumps(each).encode() + b"\n" for each in said)))
                continue
            self.asked.append(head.split(b"Limpet-Session: ")[1].split(b"\r\n")[0])
            number = len(self.asked)
            if number < 3:
                writer.write(answer(b"Limpet-Version: %d" % (number + 1), b"Limpet-State: e30="))
            else:
                writer.write(answer(b"Limpet-Version: 1"))


@pytest.mark.parametrize(("method", "status", "tries"), [(b"GET", b"200", 3), (b"POST", b"503", 2)])
async def test_a_request_whose_session_ended_meanwhile_goes_on_as_a_new_ones(
    method: bytes, status: bytes, tries: int
) -> None:
    """What cannot be sent twice is 503."""
    asked: list[bytes] = []
    one, other = Over(asked), Over(asked)
    async with (
        started(one),
        started(other),
        running_proxy({"app": copied([one.port, other.port])}, **SETTINGS) as proxy,
    ):
        wire = await proxy.connect()
        head = await second_answer(wire, method)
        assert (head[9:12], len(asked)) == (status, tries)
        assert b"Set-Cookie" not in head
        assert len(set(asked)) == tries - 1
