"""Which services a host leads to."""

import pytest

from config.reach import Reach, patterns
from config.settings import Settings

NODES = {"nodes": [{"name": "a", "url": "http://a"}]}


def settings(*routes: tuple[str, str, str]) -> Settings:
    rules = [{"host": host, "path": path, "service": service} for host, path, service in routes]
    return Settings.model_validate({"services": dict.fromkeys("abc", NODES), "routes": rules})


@pytest.mark.parametrize(
    ("host", "fitting"),
    [
        ("b.a.com", ["b.a.com", "*.a.com", "*.com", "*"]),
        ("com", ["com", "*"]),
        ("[::1]", ["[::1]", "*"]),
    ],
)
def test_exact_hosts_come_before_wildcards(host: str, fitting: list[str]) -> None:
    assert list(patterns(host)) == fitting


def test_a_host_reaches_less_specific_routes_only_for_the_paths_that_are_left() -> None:
    found = Reach(settings(("x.com", "/a", "a"), ("*.com", "/", "b"), ("*", "/", "c")))
    assert found.from_host("x.com") == {"a", "b"}
    assert found.from_host("y.com") == {"b"}
    assert found.from_host("z.y.com") == {"b"}
    assert found.from_host("y.org") == {"c"}
    assert found.from_anywhere() == {"a", "b", "c"}


def test_a_service_may_be_out_of_reach() -> None:
    assert Reach(settings(("*", "/", "a"), ("x.com", "/", "b"))).from_anywhere() == {"a", "b"}
    assert Reach(settings(("x.com", "/", "b"))).from_anywhere() == {"b"}
    assert Reach(settings()).from_anywhere() == {"a", "b", "c"}


def test_every_kind_of_host_is_looked_at() -> None:
    found = Reach(settings(("x.com", "/a", "a"), ("*.com", "/", "b"), ("*", "/", "c")))
    assert dict(found.by_host()) == {"*": ["c"], "*.com": ["b"], "x.com": ["a", "b"]}
