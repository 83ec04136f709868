"""The endpoint and its batches: what is understood, and what is answered to the rest."""

import json

import pytest

from limpet_session import headers
from limpet_session.endpoint import PAGE, Call
from limpet_session.operations import FENCE_TTL
from tests.sdk.nodes import TAKEOVER, TTL, A, B, C, NodeAtHand

STATE = headers.pack(b'{"a":1}').decode()


@pytest.fixture
def at() -> NodeAtHand:
    return NodeAtHand(max_state=1000)


MALFORMED = [
    ("GET", "/short", {}),
    ("GET", f"/{A[:-1]}B", {}),  # the last character has spare bits set
    ("GET", f"/{A}%", {}),
    ("PUT", f"/{A}", {"version": 3}),
    ("PUT", f"/{A}", {"ttl": 60}),
    *[("PUT", f"/{A}", {"version": version, "ttl": 60}) for version in ("0", "-1", "03", "1.0", "", 2**53)],
    *[("PUT", f"/{A}", {"version": "٣", "ttl": 60}), ("PUT", f"/{A}", {"version": "1,2", "ttl": 60})],
    *[("PUT", f"/{A}", {"version": 3, "ttl": ttl}) for ttl in ("0", "1h", "-5", 10**12)],
    ("DELETE", f"/{A}", {}),
    ("POST", f"/{A}/fence", {}),
    ("POST", f"/{A}/fence", {"fence": 0}),
    ("POST", f"/{A}/fence", {"fence": TAKEOVER, "ttl": "x"}),
    ("POST", "/short/fence", {"fence": TAKEOVER}),
]


@pytest.mark.parametrize(("method", "path", "fields"), MALFORMED)
def test_what_is_malformed_changes_nothing(
    at: NodeAtHand, method: str, path: str, fields: dict[str, object]
) -> None:
    at.write(a=1)
    reply = at.call(method, path, **fields)
    assert reply.status == 400 and reply.body
    assert at.held() == (2, {"a": 1}, True)


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("PATCH", "/", 405, b"GET, HEAD, POST"),
        ("POST", f"/{A}", 405, b"GET, HEAD, PUT, DELETE"),
        ("GET", f"/{A}/fence", 405, b"POST"),
        ("GET", f"/{A}/other", 404, None),
        ("GET", f"/{A}/fence/", 404, None),
    ],
)
def test_what_there_is_not(at: NodeAtHand, method: str, path: str, status: int, allow: bytes | None) -> None:
    reply = at.call(method, path)
    assert (reply.status, dict(reply.headers).get(b"allow")) == (status, allow)


@pytest.mark.parametrize(
    "query", [b"after=x", b"limit=0", b"limit=x", b"limit=1&limit=2", b"other=1", b"\xff"]
)
def test_a_list_that_cannot_be(at: NodeAtHand, query: bytes) -> None:
    assert at.call("GET", "/", query=query).status == 400


def test_a_list_goes_on_where_it_stopped(at: NodeAtHand) -> None:
    at.write(C, a=1)
    at.visit(A)
    at.call("DELETE", f"/{B}", ttl=60)
    first = at.call("GET", "/", query=b"limit=2").body.splitlines()
    second = at.call("GET", "", query=b"limit=2&after=" + B.encode()).body.splitlines()
    assert [json.loads(line) for line in first + second] == [
        {"id": A, "version": 1, "ttl": TTL, "serving": True, "ended": False},
        {"id": B, "version": 0, "ttl": 60, "serving": False, "ended": True},
        {"id": C, "version": 2, "ttl": TTL, "serving": True, "ended": False},
    ]


def test_a_list_says_who_keeps_it(at: NodeAtHand) -> None:
    told = dict(at.call("GET", "/").headers)
    assert told[headers.NODE].decode() == at.node.storage.name != NodeAtHand().node.storage.name


def test_a_list_is_never_endless(at: NodeAtHand) -> None:
    for i in range(PAGE + 1):
        at.call("PUT", f"/{i:021d}A", version=1, ttl=60)
    assert len(at.call("GET", "/", query=b"limit=5000").body.splitlines()) == PAGE


def test_a_copy_above_the_limit_is_refused(at: NodeAtHand) -> None:
    assert at.call("PUT", f"/{A}", b"x" * 1001, version=3, ttl=60).status == 413
    assert at.call("GET", f"/{A}").status == 404
    assert at.call("PUT", f"/{A}", b"x" * 1000, version=3, ttl=60).status == 204


def test_a_fence_is_remembered_as_long_as_its_session_or_as_told_or_a_day(at: NodeAtHand) -> None:
    def kept_for(name: str) -> float:
        record = at.node.storage.find(name, at.clock.now)
        assert record is not None
        return record.expires - at.clock.now

    at.call("PUT", f"/{A}", version=3, ttl=60)
    at.clock.now += 30
    for name in (A, B):
        at.call("POST", f"/{name}/fence", fence=TAKEOVER)
    at.call("POST", f"/{C}/fence", fence=TAKEOVER, ttl=99)
    assert [kept_for(name) for name in (A, B, C)] == [60, FENCE_TTL, 99]


BAD_LINES: list[dict[str, object] | bytes] = [
    b"{",
    b"[]",
    b"null",
    b"\xff",
    b"[" * 100_000,
    {},
    {"id": A},
    {"id": 5, "get": True},
    {"id": "short", "get": True},
    {"id": A, "get": False},
    {"id": A, "get": True, "end": True, "ttl": 5},
    {"id": A, "end": 1, "ttl": 5},
    {"id": A, "end": True},
    {"id": A, "fence": 0},
    {"id": A, "fence": 2**53},
    {"id": A, "fence": 1.5},
    {"id": A, "fence": 7, "ttl": 0},
    {"id": A, "version": 3, "state": STATE},
    {"id": A, "version": True, "ttl": 5},
    {"id": A, "version": "3", "ttl": 5, "state": STATE},
    {"id": A, "version": 3, "ttl": 5, "state": 7},
    {"id": A, "version": 3, "ttl": 5, "state": "!"},
    {"id": A, "version": 3, "ttl": 5, "state": "YQ"},  # without padding
    {"id": A, "version": 3, "ttl": 5, "state": "YR=="},  # with spare bits set
    {"id": A, "version": 3, "ttl": 5, "state": "YQ==\n"},
]


@pytest.mark.parametrize("line", BAD_LINES, ids=lambda line: str(line)[:60])
def test_a_bad_line_has_a_status_of_its_own(at: NodeAtHand, line: dict[str, object] | bytes) -> None:
    bad, good = at.batch(line, {"id": B, "version": 3, "ttl": 5, "state": STATE})
    assert bad["status"] == 400 and bad["error"]
    assert good == {"id": B, "status": 204}
    assert at.call("GET", f"/{A}").status == 404


def test_lines_may_be_empty_and_end_in_cr_lf(at: NodeAtHand) -> None:
    line = json.dumps({"id": A, "get": True}).encode()
    assert at.batch(b"", line + b"\r", b"", line) == [{"id": A, "status": 404}] * 2


def test_an_answer_is_never_endless(at: NodeAtHand) -> None:
    at.call("PUT", f"/{A}", b"x" * 1000, version=3, ttl=60)
    lines = at.batch(*[{"id": A, "get": True}] * 200, {"id": A, "fence": 7}, {"id": A, "end": True, "ttl": 5})
    statuses = [line["status"] for line in lines]
    assert set(statuses[:90]) == {200} and set(statuses[120:-1]) == {413} and statuses[-1] == 204


def test_only_fences_that_will_be_taken_are_waited_for(at: NodeAtHand) -> None:
    at.write(A, a=1)
    at.call("DELETE", f"/{C}", ttl=60)
    body = b"\n".join(
        json.dumps({"id": name, "fence": number}).encode()
        for name, number in ((A, TAKEOVER), (B, TAKEOVER), (A, 1), (C, TAKEOVER))
    )
    assert at.endpoint.plan(Call("POST", "/", b"", {}, body)).fences == {A, B}
    for number, waited in ((1, set()), (TAKEOVER, {A})):
        call = Call("POST", f"/{A}/fence", b"", {headers.FENCE: b"%d" % number}, b"")
        assert at.endpoint.plan(call).fences == waited
