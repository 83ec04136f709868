"""Which services a host leads to."""

import pytest

from config.reach import fits, precedence, reachable_services, services_of_host
from config.settings import Settings

NODES = {"nodes": [{"name": "a", "url": "http://a"}]}


def settings(*routes: tuple[str, str, str]) -> Settings:
    rules = [{"host": host, "path": path, "service": service} for host, path, service in routes]
    return Settings.model_validate({"services": dict.fromkeys("abc", NODES), "routes": rules})


def test_exact_hosts_come_before_wildcards() -> None:
    patterns = ["*", "*.com", "a.com", "*.b.com"]
    assert sorted(patterns, key=precedence) == ["a.com", "*.b.com", "*.com", "*"]


@pytest.mark.parametrize(
    ("pattern", "host", "fit"),
    [
        ("*", "a.com", True),
        ("a.com", "a.com", True),
        ("a.com", "b.a.com", False),
        ("*.com", "a.com", True),
        ("*.com", "b.a.com", True),
        ("*.com", "com", False),
        ("*.a.com", "xa.com", False),
    ],
)
def test_patterns_fit_as_in_the_route_table(pattern: str, host: str, fit: bool) -> None:
    assert fits(pattern, host) is fit


def test_a_host_reaches_less_specific_routes_only_for_paths_of_its_own_that_are_left() -> None:
    found = settings(("x.com", "/a", "a"), ("*.com", "/", "b"), ("*", "/", "c"))
    assert services_of_host(found, "x.com") == {"a", "b"}
    assert services_of_host(found, "y.com") == {"b"}
    assert services_of_host(found, "y.org") == {"c"}
    assert reachable_services(found) == {"a", "b", "c"}


def test_a_service_may_be_out_of_reach() -> None:
    assert reachable_services(settings(("*", "/", "a"), ("x.com", "/", "b"))) == {"a", "b"}
    assert reachable_services(settings(("x.com", "/", "b"))) == {"b"}
