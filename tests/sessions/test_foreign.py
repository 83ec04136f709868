import pytest

from sessions.flags import RequestFlag, ResponseFlag
from sessions.foreign import ForeignKey
from sessions.visit import UNKNOWN

NOW = 1_700_000_000


@pytest.mark.parametrize(
    ("cookie", "key"),
    [
        (b"", ""),
        (b"a=1", ""),
        (b"sid=", ""),
        (b"sid=x; a=1", "x"),
        (b'a=1; sid="x"', "x"),
        (b"sid=; sid=y; sid=z", "y"),
        (b"sid=\xff\x80", "\xff\x80"),
        (b"sid2=x", ""),
    ],
)
def test_a_cookie_is_the_key(cookie: bytes, key: str) -> None:
    seen = ForeignKey(cookie=b"sid").visit(cookie, b"", NOW)
    assert (seen.session_id, seen.pin) == (key, UNKNOWN)
    assert seen.flag is (RequestFlag.V if key else RequestFlag.N)
    assert seen.cookie == cookie, "the node sees it as it came"


def test_a_header_is_the_key() -> None:
    foreign = ForeignKey(header=b"X-User")
    assert foreign.header == b"x-user"
    seen = foreign.visit(b"x-user=no", b"ann", NOW)
    assert (seen.session_id, seen.flag, seen.cookie, seen.header) == (
        "ann",
        RequestFlag.V,
        b"x-user=no",
        b"ann",
    )
    assert foreign.visit(b"x-user=no", b"", NOW).session_id == ""


def test_mode_none_knows_nobody() -> None:
    seen = ForeignKey().visit(b"a=1; =x", b"", NOW)
    assert (seen.session_id, seen.flag, seen.cookie) == ("", RequestFlag.N, b"a=1; =x")


@pytest.mark.parametrize("foreign", [ForeignKey(), ForeignKey(cookie=b"sid"), ForeignKey(header=b"x")])
def test_nothing_is_added_to_an_answer(foreign: ForeignKey) -> None:
    seen = foreign.visit(b"sid=x", b"y", NOW)
    assert foreign.quiet(seen, 1, NOW)
    lines = [b"sid=z", b"limpet_shop=1"]
    assert foreign.answer(seen, "x", 1, lines, b"h", NOW, True) == (lines, b"h", ResponseFlag.N, False, None)
    assert not foreign.mints
