"""What a store's URL says, and what is said of one that cannot be right."""

import pytest

from sessions.stores.redis.url import Kind, Login, Place, parse_redis_url
from sessions.stores.store import StoreError


@pytest.mark.parametrize(
    ("text", "kind", "places", "login", "db", "master"),
    [
        ("redis://localhost", Kind.STANDALONE, [Place("localhost", 6379)], Login(), 0, ""),
        ("redis://:p%40ss@[::1]:7000/4", Kind.STANDALONE, [Place("::1", 7000)], Login("", "p@ss"), 4, ""),
        (
            "redis+unix:///run/redis.sock?db=2",
            Kind.STANDALONE,
            [Place("", 0, "/run/redis.sock")],
            Login(),
            2,
            "",
        ),
        ("redis+unix://u:p@/run/r", Kind.STANDALONE, [Place("", 0, "/run/r")], Login("u", "p"), 0, ""),
        (
            "redis+sentinel://u:p@one,two:27000/main/3",
            Kind.SENTINEL,
            [Place("one", 26379), Place("two", 27000)],
            Login("u", "p"),
            3,
            "main",
        ),
        ("redis+cluster://a:7000,b", Kind.CLUSTER, [Place("a", 7000), Place("b", 6379)], Login(), 0, ""),
    ],
)
def test_what_a_url_says(
    text: str, kind: Kind, places: list[Place], login: Login, db: int, master: str
) -> None:
    url = parse_redis_url(text)
    assert (url.kind, list(url.places), url.login, url.db, url.master) == (kind, places, login, db, master)
    assert url.tls is None


def test_the_sentinels_have_a_login_of_their_own() -> None:
    url = parse_redis_url("redis+sentinel://s/main?sentinel_username=u&sentinel_password=p")
    assert url.sentinel_login == Login("u", "p")
    assert url.login == Login()


@pytest.mark.parametrize("scheme", ["rediss", "rediss+sentinel", "rediss+cluster"])
def test_tls_verifies_unless_told_not_to(scheme: str) -> None:
    verifying = parse_redis_url(f"{scheme}://host/main" if "sentinel" in scheme else f"{scheme}://host")
    assert verifying.tls and verifying.tls.check_hostname
    trusting = parse_redis_url(f"{scheme}://host{'/main' if 'sentinel' in scheme else ''}?ssl_cert_reqs=none")
    assert trusting.tls and not trusting.tls.check_hostname


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("localhost:6379", "must be redis://"),
        ("http://localhost", "must be redis://"),
        ("redis://", "must be redis://"),
        ("redis://host#x", "must be redis://"),
        ("redis://host/zero", "must be redis://"),
        ("redis://host/0/1", "must be redis://"),
        ("redis://host:port", "'host:port' is no host:port"),
        ("redis://host:70000", "is no host:port"),
        ("redis://one,two", "several hosts need"),
        ("redis://host?ssl_cert_reqs=none", "redis knows no option 'ssl_cert_reqs'"),
        ("rediss://host?ssl=1", "known: ssl_ca_certs, ssl_cert_reqs, ssl_certfile, ssl_keyfile"),
        ("rediss://host?ssl_cert_reqs=maybe", "must be required or none"),
        ("redis+unix://host/path", "must be redis://"),
        ("redis+unix:///path?db=x", "db must be a number"),
        ("redis+sentinel://one,two", "the name of the master is missing"),
        ("redis+cluster://one/1", "only database 0"),
    ],
)
def test_what_cannot_be_right(text: str, message: str) -> None:
    with pytest.raises(StoreError, match="^[^\n]*" + message.replace("[", r"\[")):
        parse_redis_url(text)


@pytest.mark.parametrize(
    "text", ["redis://u:opensesame@", "redis://u:opensesame@h:x", "mysql://u:opensesame@h"]
)
def test_a_password_is_never_shown(text: str) -> None:
    with pytest.raises(StoreError) as error:
        parse_redis_url(text)
    assert "opensesame" not in str(error.value)
    url = parse_redis_url("redis+sentinel://u:opensesame@h/m?sentinel_password=opensesame")
    assert "opensesame" not in repr(url) and "opensesame" not in repr(url.login)


def test_a_place_is_written_as_people_write_it() -> None:
    assert [str(Place("h", 1)), str(Place("::1", 1)), str(Place("", 0, "/run/x"))] == [
        "h:1",
        "[::1]:1",
        "/run/x",
    ]
