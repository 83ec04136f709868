import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.affinity import AffinityOptions, make_affinity
from sessions.flags import RequestFlag, ResponseFlag
from sessions.token import NODE_GONE, Sealer
from sessions.visit import UNKNOWN, Visit

NOW = 1_700_000_000
LIFETIME = 43200
ID = "AAECAwQFBgcICQoLDA0ODw"
SEALER = Sealer([b"s" * 16], "mcp", ["a", "b", "c"])
WRAP = make_affinity(AffinityOptions("wrap", header="Mcp-Session-Id"), SEALER)
NOBODY = Visit("", UNKNOWN, RequestFlag.N, None, b"", b"")


def held(value: bytes = b"app-id", node: int = 1) -> bytes:
    return WRAP.answer(NOBODY, ID, node, [], value, NOW, False).header


def test_the_header_is_known_by_its_lower_case_name() -> None:
    assert WRAP.header == b"mcp-session-id"


@given(st.from_regex(rb"\A[\x21-\x7e\x80-\xff]{1,60}\Z"))
def test_the_app_sees_its_value_byte_for_byte(value: bytes) -> None:
    seen = WRAP.visit(b"a=1", held(value), NOW)
    assert (seen.session_id, seen.pin, seen.flag) == (ID, 1, RequestFlag.V)
    assert (seen.header, seen.cookie) == (value, b"a=1")


def test_a_request_without_the_header_is_from_nobody_known() -> None:
    seen = WRAP.visit(b"a=1", b"", NOW)
    assert (seen.session_id, seen.pin, seen.flag) == ("", UNKNOWN, RequestFlag.N)
    assert (seen.header, seen.cookie) == (b"", b"a=1")


def test_no_change_of_a_single_byte_goes_unseen() -> None:
    sealed = held()
    for place in range(len(sealed)):
        for value in range(256):
            changed = sealed[:place] + bytes([value]) + sealed[place + 1 :]
            if changed != sealed:
                assert WRAP.visit(b"", changed, NOW).session_id == "", (place, value)


@pytest.mark.parametrize(
    "value", [b"app-id", b"A" * 76 + b".app-id", b"A" * 76, b".", b"\xff", held()[:-1], held() + b"x"]
)
def test_what_does_not_open_is_nobodys_and_the_node_is_asked_about_it(value: bytes) -> None:
    """An MCP client starts anew only on the node's 404 for an id that it does not know."""
    seen = WRAP.visit(b"", value, NOW)
    assert (seen.session_id, seen.pin, seen.flag, seen.header) == ("", UNKNOWN, RequestFlag.I, value)


def test_only_the_lifetime_counts_since_clients_never_replace_the_id() -> None:
    assert WRAP.visit(b"", held(), NOW + LIFETIME - 1).flag is RequestFlag.V
    assert WRAP.visit(b"", held(), NOW + LIFETIME).flag is RequestFlag.O
    seen = WRAP.visit(b"", held(), NOW + 100)
    assert seen.good_until == NOW + LIFETIME


def test_a_first_id_is_inserted() -> None:
    answer = WRAP.answer(NOBODY, ID, 1, [b"a=1"], b"app-id", NOW, False)
    assert answer.header.endswith(b".app-id")
    assert (answer.set_cookies, answer.flag, answer.private) == ([b"a=1"], ResponseFlag.I, True)


def test_an_answer_without_the_header_is_left_alone() -> None:
    seen = WRAP.visit(b"", held(), NOW)
    for visit in (NOBODY, seen):
        assert WRAP.answer(visit, ID, 2, [b"a=1"], b"", NOW, False) == (
            [b"a=1"],
            b"",
            ResponseFlag.N,
            False,
            None,
        )
        assert WRAP.quiet(visit, 2, NOW + LIFETIME)


def test_a_client_is_told_the_very_id_that_it_has() -> None:
    sealed = held()
    seen = WRAP.visit(b"", sealed, NOW + 5000)
    assert WRAP.answer(seen, ID, 1, [], b"app-id", NOW + 5000, False) == (
        [],
        sealed,
        ResponseFlag.N,
        True,
        None,
    )


@pytest.mark.parametrize(
    ("value", "node", "session_id"), [(b"other", 1, ID), (b"app-id", 2, ID), (b"app-id", 1, "B" * 21 + "A")]
)
def test_what_changed_is_sealed_anew(value: bytes, node: int, session_id: str) -> None:
    seen = WRAP.visit(b"", held(), NOW)
    answer = WRAP.answer(seen, session_id, node, [], value, NOW, False)
    assert (answer.flag, answer.private) == (ResponseFlag.U, True)
    again = WRAP.visit(b"", answer.header, NOW)
    assert (again.session_id, again.pin, again.header) == (session_id, node, value)


def test_a_missing_node_is_said_to_be_gone() -> None:
    fewer = make_affinity(AffinityOptions("wrap", header="x"), Sealer([b"s" * 16], "mcp", ["a", "c"]))
    seen = fewer.visit(b"", held(), NOW)
    assert (seen.session_id, seen.pin, seen.flag, seen.header) == (ID, NODE_GONE, RequestFlag.D, b"app-id")


def test_without_a_session_or_a_node_nothing_is_sealed() -> None:
    for session_id, node in (("", 1), (ID, -1)):
        assert WRAP.answer(NOBODY, session_id, node, [], b"app-id", NOW, False).header == b"app-id"
