"""The URL of a Redis: what the settings take is what the store can read."""

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from config.store_urls import StoreUrl
from config.values import Refused
from sessions.stores.redis.url import parse_redis_url
from tests.config.test_units import GARBAGE

GOOD = [
    "redis://localhost",
    "redis://127.0.0.1:6379/0",
    "redis://[::1]:6379/15",
    "redis://user:p%40ss@redis.example:6379/",
    "redis://:p@ss@a",
    "rediss://a",
    "rediss://a?ssl_cert_reqs=none",
    "redis+unix:///run/redis.sock",
    "redis+unix://:pw@/run/redis.sock?db=2",
    "redis+sentinel://a,b:26380,[::1]:26379/mymaster",
    "rediss+sentinel://u:p@a/mymaster/3?sentinel_username=x&sentinel_password=y",
    "redis+cluster://a,b:7000",
    "rediss+cluster://a/0",
]
BAD = [
    ("", "must be redis://"),
    ("localhost:6379", "must be redis://"),
    ("http://a", "must be redis://"),
    ("REDIS://a", "must be redis://"),
    ("redis://", "must be redis://"),
    ("redis://a b", "must be redis://"),
    ("redis://a:x", "must be redis://"),
    ("redis://a:0", "must be redis://"),
    ("redis://a:99999", "must be redis://"),
    ("redis://[::1", "must be redis://"),
    ("redis://a#b", "must be redis://"),
    ("redis://:a/b@c", "must be redis://"),
    ("redis://ä", "must be redis://"),
    ("redis://a,b", r"must be redis\+sentinel:// or redis\+cluster:// with several hosts"),
    ("redis://a/x", "must end with the number of a database"),
    ("redis://a/1/2", "must end with the number of a database"),
    ("redis://a?db=1", "must have no options after `\\?` with redis://"),
    ("redis://a?x", "must have no options"),
    ("rediss://a?ssl_ca=x", "must have only ssl_ca_certs, ssl_cert_reqs, ssl_certfile, ssl_keyfile after"),
    ("rediss://a?ssl_cert_reqs=maybe", "must have ssl_cert_reqs `required` or `none`"),
    ("rediss://a?ssl_keyfile=x", "must not have `ssl_keyfile` without `ssl_certfile`"),
    ("rediss://a?ssl_ca_certs=", "must have a path as `ssl_ca_certs`"),
    ("rediss+unix:///x", "must be redis://"),
    ("redis+unix://a/x", "must be redis://"),
    ("redis+unix:///x?db=y", "must have a number as `db`"),
    ("redis+sentinel://a", "must end with the name of the master"),
    ("redis+sentinel://a/m/x", "must end with the name of the master"),
    ("redis+cluster://a/1", "must not name a database: a Cluster has only 0"),
]


@pytest.mark.parametrize("text", GOOD)
def test_a_url_says_where_a_redis_is(text: str) -> None:
    assert StoreUrl.parse(text).text == text
    assert StoreUrl.parse(StoreUrl(text)) == StoreUrl(text)
    parse_redis_url(text)


@pytest.mark.parametrize(("text", "message"), [*BAD, (None, "must be redis://"), (6379, "must be redis://")])
def test_what_is_no_such_url_is_refused_and_not_shown(text: object, message: str) -> None:
    with pytest.raises(Refused, match=message) as refusal:
        StoreUrl.parse(text)
    assert not refusal.value.quoted


PARTS = st.sampled_from(
    [
        *(
            "redis",
            "rediss",
            "redis+unix",
            "redis+sentinel",
            "rediss+sentinel",
            "redis+cluster",
            "://",
            "://",
        ),
        *(
            "a",
            "localhost",
            "[::1]",
            ":",
            "6379",
            "/",
            "/0",
            "/m",
            ",",
            "@",
            "u:p@",
            "?",
            "&",
            "db=1",
            "#",
            "%",
        ),
        *("ssl_cert_reqs=none", "sentinel_username=x", "%2f", "1.2.3.4", "[", "]", "=", "x", "."),
    ]
)


@given(st.lists(PARTS, max_size=9).map("".join) | GARBAGE)
@example("redis://a/0")
def test_what_is_taken_here_is_taken_by_the_store(value: object) -> None:
    try:
        url = StoreUrl.parse(value)
    except Refused:
        return
    parse_redis_url(url.text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("redis://user:hunter2@a:1/0", "redis://***@a:1/0"),
        ("redis://:hunter2@hunter2@a", "redis://***@a"),
        ("redis://a", "redis://a"),
        ("rediss+sentinel://a/m?sentinel_password=hunter2", "rediss+sentinel://a/m"),
    ],
)
def test_a_login_is_never_shown(text: str, shown: str) -> None:
    url = StoreUrl.parse(text)
    assert str(url) == f"{url}" == shown
    assert "hunter2" not in repr([url])


def test_equal_urls_are_equal() -> None:
    assert len({StoreUrl("redis://a"), StoreUrl("redis://a"), StoreUrl("redis://b")}) == 2
    assert StoreUrl("redis://a") != "redis://a"


def test_paths_of_files_count_from_a_folder() -> None:
    url = StoreUrl.parse("rediss://u:p@a/1?ssl_ca_certs=ca.pem&ssl_certfile=/etc/c%26.pem&ssl_cert_reqs=none")
    assert url.files() == {"ssl_ca_certs": "ca.pem", "ssl_certfile": "/etc/c&.pem"}
    below = url.below(Path("/conf"))
    assert below.files() == {"ssl_ca_certs": "/conf/ca.pem", "ssl_certfile": "/etc/c&.pem"}
    assert below.text.startswith("rediss://u:p@a/1?")
    assert "ssl_cert_reqs=none" in below.text
    assert StoreUrl.parse(below.text) == below
    assert StoreUrl("redis://a").below(Path("/conf")) == StoreUrl("redis://a")
