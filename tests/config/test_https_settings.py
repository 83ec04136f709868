"""What a route asks of browsers about https."""

import pytest

from tests.config.files import SHOP, Loader


@pytest.mark.parametrize(
    ("given", "port"), [("true", 443), ("false", 0), ("443", 443), ("8443", 8443), ("'8443'", 8443)]
)
def test_where_to(loader: Loader, given: str, port: int) -> None:
    found = loader.settings(f"{SHOP}routes: [{{service: shop, redirect_to_https: {given}}}]\n")
    assert found.routes[0].redirect_to_https == port


@pytest.mark.parametrize("given", ["0", "65536", "'yes'", "-1", "'https'"])
def test_nowhere_else(loader: Loader, given: str) -> None:
    (said,) = loader.problems(f"{SHOP}routes: [{{service: shop, redirect_to_https: {given}}}]\n")
    assert said.startswith("2: routes[0].redirect_to_https: must be true, false, or the port for https")


def test_hsts_in_short_and_at_length(loader: Loader) -> None:
    for given, said in (
        ("365d", "max-age=31536000"),
        ("{max_age: 0s}", "max-age=0"),
        (
            "{max_age: 1h, include_subdomains: true, preload: true}",
            "max-age=3600; includeSubDomains; preload",
        ),
    ):
        found = loader.settings(f"{SHOP}routes: [{{service: shop, hsts: {given}}}]\n")
        assert str(found.routes[0].hsts) == said


def test_a_list_of_whole_domains(loader: Loader) -> None:
    assert loader.problems(f"{SHOP}routes: [{{service: shop, hsts: {{max_age: 1d, preload: true}}}}]\n") == [
        "2: routes[0].hsts.preload: needs `include_subdomains`: browsers' lists take whole domains"
    ]
