from typing import Literal

import pytest

from sessions.affinity import AffinityOptions, make_affinity
from sessions.foreign import ForeignKey
from sessions.issue import IssuedCookie
from sessions.token import Sealer
from sessions.visit import Visit
from sessions.wrap import WrappedCookie
from sessions.wrap_header import WrappedHeader

NOW = 1_700_000_000
ID = "AAECAwQFBgcICQoLDA0ODw"
SEALER = Sealer([b"s" * 16], "shop", ["a", "b"])


def cookie_set(options: AffinityOptions, secure: bool = False) -> tuple[bytes, bytes]:
    """Name and attributes of the cookie that a new client gets."""
    affinity = make_affinity(options, SEALER)
    nobody: Visit = affinity.visit(b"", b"", NOW)
    name, _, rest = affinity.answer(nobody, ID, 0, [], b"", NOW, secure).set_cookies[0].partition(b"=")
    return name, rest[76:]


def test_each_mode_has_its_way() -> None:
    ways = {
        AffinityOptions(): IssuedCookie,
        AffinityOptions("wrap", cookie="sid"): WrappedCookie,
        AffinityOptions("wrap", header="X-Id"): WrappedHeader,
        AffinityOptions("hash", cookie="sid"): ForeignKey,
        AffinityOptions("hash", header="X-Id"): ForeignKey,
        AffinityOptions("none"): ForeignKey,
    }
    made = {options: make_affinity(options, SEALER) for options in ways}
    assert {options: type(affinity) for options, affinity in made.items()} == ways
    assert [affinity.mints for affinity in made.values()] == [True, True, True, False, False, False]
    assert [affinity.header for affinity in made.values()] == [b"", b"", b"x-id", b"", b"x-id", b""]


@pytest.mark.parametrize("mode", ["wrap", "hash"])
@pytest.mark.parametrize(("cookie", "header"), [("", ""), ("sid", "X-Id")])
def test_wrap_and_hash_need_either_a_cookie_or_a_header(
    mode: Literal["wrap", "hash"], cookie: str, header: str
) -> None:
    with pytest.raises(ValueError, match="either a cookie or a header"):
        make_affinity(AffinityOptions(mode, cookie=cookie, header=header), SEALER)


def test_the_cookie_is_named_after_the_service_unless_named() -> None:
    assert cookie_set(AffinityOptions())[0] == b"limpet_shop"
    assert cookie_set(AffinityOptions(cookie="place"))[0] == b"place"


def test_attributes_say_what_was_asked_for_and_no_more() -> None:
    plain = b"; HttpOnly; Path=/; SameSite=Lax"
    assert cookie_set(AffinityOptions())[1] == plain
    assert cookie_set(AffinityOptions(same_site="strict"))[1] == b"; HttpOnly; Path=/; SameSite=Strict"
    assert cookie_set(AffinityOptions(domain="a.example"))[1] == plain + b"; Domain=a.example"
    assert cookie_set(AffinityOptions(max_age=3600.0))[1] == plain + b"; Max-Age=3600"
    assert cookie_set(AffinityOptions(max_age=0.1))[1] == plain + b"; Max-Age=1"


@pytest.mark.parametrize(
    ("options", "over_http", "over_https"),
    [
        (AffinityOptions(), False, True),
        (AffinityOptions(secure="always"), True, True),
        (AffinityOptions(secure="never"), False, False),
        (AffinityOptions(same_site="none"), True, True),
        (AffinityOptions(cookie="__Host-place"), True, True),
        (AffinityOptions(cookie="__secure-place"), True, True),
    ],
)
def test_secure_where_the_client_came_by_https_or_browsers_would_refuse(
    options: AffinityOptions, over_http: bool, over_https: bool
) -> None:
    assert cookie_set(options, secure=False)[1].endswith(b"; Secure") is over_http
    assert cookie_set(options, secure=True)[1].endswith(b"; Secure") is over_https


@pytest.mark.parametrize(
    "options",
    [
        AffinityOptions(cookie="__Host-place", domain="a.example"),
        AffinityOptions(cookie="__Host-place", secure="never"),
        AffinityOptions(cookie="__Secure-place", secure="never"),
        AffinityOptions(same_site="none", secure="never"),
    ],
)
def test_what_every_browser_refuses_is_refused(options: AffinityOptions) -> None:
    with pytest.raises(ValueError, match="refused by browsers"):
        make_affinity(options, SEALER)


def test_a_token_of_one_service_is_worth_nothing_at_another() -> None:
    shop = make_affinity(AffinityOptions(cookie="place"), SEALER)
    blog = make_affinity(AffinityOptions(cookie="place"), Sealer([b"s" * 16], "blog", ["a", "b"]))
    line = shop.answer(shop.visit(b"", b"", NOW), ID, 0, [], b"", NOW, False).set_cookies[0]
    assert shop.visit(line, b"", NOW).session_id == ID
    assert blog.visit(line, b"", NOW).session_id == ""
