"""Affinity that cannot work."""
# ruff: noqa: E501 (tables of files and messages, a case a line)

from itertools import product

import pytest

from config.affinity_checks import USED_BY
from config.settings import Affinity, AffinityMode
from tests.config.files import SHOP, Loader, service

HERE = "2: services.shop.affinity"
VALUES = {
    "cookie": "sid",
    "header": "X-Sid",
    "idle": "1m",
    "lifetime": "2h",
    "same_site": "strict",
    "secure": "always",
    "max_age": "2m",
    "domain": "example.com",
    "set_token": "always",
}


@pytest.mark.parametrize(
    ("affinity", "message"),
    [
        ("mode: wrap", ": must name either a `cookie` or a `header` with mode `wrap`: none is given"),
        ("mode: hash", ": must name either a `cookie` or a `header` with mode `hash`: none is given"),
        ("mode: wrap, cookie: a, header: b", ": must name either a `cookie` or a `header` with mode `wrap`: both are given"),
        ("header: X-A", ".header: has no effect with mode `issue`, only with `wrap` or `hash`: leave it out"),
        ("mode: none, idle: 3m", ".idle: has no effect with mode `none`, only with `issue` or `wrap`: leave it out"),
        ("mode: hash, cookie: a, same_site: lax", ".same_site: has no effect with mode `hash`, only with `issue`: leave it out"),
        ("mode: wrap, header: a, idle: 3m", ".idle: has no effect on a header: clients keep its value as it is, so that only `lifetime` counts"),
        ("same_site: none, secure: never", ".secure: must not be `never` with `same_site: none`: browsers would refuse the cookie"),
        ("cookie: __Host-sid, secure: never", ".secure: must not be `never` with a cookie called `__Host-sid`: browsers would refuse it"),
        ("cookie: __Host-sid, domain: example.com", ".domain: must not be given with a cookie called `__Host-sid`: browsers would refuse it"),
        ("max_age: 20m", ".max_age: must not be less than `idle`, 30m: browsers would forget sessions that still count"),
        ("mode: wrap, header: Content-Length", ".header: must not be `Content-Length`: Limpet writes it itself from what it understood of the message"),
        ("mode: hash, header: Cookie", ".header: must not be `Cookie`: sessions hang on it"),
        ("mode: hash, header: Limpet_Session", ".header: must not be `Limpet_Session`: names with `Limpet-` are Limpet's own"),
    ],
)  # fmt: skip
def test_an_affinity_that_cannot_work(loader: Loader, affinity: str, message: str) -> None:
    assert loader.problems(service(f"affinity: {{{affinity}}}")) == [HERE + message]


@pytest.mark.parametrize(
    "affinity",
    [
        "mode: issue, cookie: sid, idle: 1h, lifetime: 2h, same_site: none, secure: always, max_age: 1h, domain: a.example",
        "mode: wrap, cookie: JSESSIONID, idle: 1h",
        "mode: wrap, header: Mcp-Session-Id, lifetime: 1d",
        "mode: hash, cookie: uid",
        "mode: hash, header: X-Forwarded-For",
        "mode: none",
        "cookie: __Host-sid, secure: always",
        "header: null",
    ],
)
def test_an_affinity_that_works(loader: Loader, affinity: str) -> None:
    assert loader.problems(service(f"affinity: {{{affinity}}}")) == []


def test_each_option_is_refused_where_its_mode_would_ignore_it(loader: Loader) -> None:
    assert set(USED_BY) == set(Affinity.model_fields) - {"mode"} == set(VALUES)
    for mode, option in product(AffinityMode, USED_BY):
        name = (
            {"wrap": "cookie: sid, ", "hash": "cookie: sid, "}.get(mode, "")
            if option not in ("cookie", "header")
            else ""
        )
        more = "idle: 1m, " if option == "max_age" and mode == "issue" else ""
        said = loader.problems(service(f"affinity: {{mode: {mode}, {name}{more}{option}: {VALUES[option]}}}"))
        assert any("has no effect" in line for line in said) is (mode not in USED_BY[option]), (
            mode,
            option,
            said,
        )


TWO = "services:\n  a: {{nodes: [{{name: a, url: 'http://a'}}], affinity: {{{}}}}}\n  b: {{nodes: [{{name: b, url: 'http://b'}}], affinity: {{{}}}}}\n"
ROUTES = "routes:\n- {{service: a, host: {}, path: {}}}\n- {{service: b, host: {}, path: {}}}\n"
WRAP = "mode: wrap, cookie: JSESSIONID"
HASH = "mode: hash, cookie: JSESSIONID"


@pytest.mark.parametrize(
    ("affinities", "routes", "host"),
    [
        ((WRAP, WRAP), ("x.example", "/a", "x.example", "/b"), "x.example"),
        ((WRAP, WRAP), ("x.example", "/a", "*", "/"), "x.example"),
        ((WRAP, WRAP), ("x.example", "/a", "'*.example'", "/"), "x.example"),
        ((WRAP, WRAP), ("'*'", "/a", "'*'", "/"), "*"),
        ((WRAP, WRAP), ("'*.x.example'", "/a", "'*.example'", "/b"), "*.x.example"),
        ((WRAP, HASH), ("'*'", "/a", "'*'", "/"), "*"),
        (("cookie: sid", "cookie: sid"), ("'*'", "/a", "'*'", "/"), "*"),
        (("cookie: limpet_b", "mode: issue"), ("'*'", "/a", "'*'", "/"), "*"),
        (
            ("cookie: sid, domain: x.example", "cookie: sid"),
            ("a.x.example", "/", "b.x.example", "/"),
            "b.x.example",
        ),
        (("cookie: sid, domain: x.example", "cookie: sid"), ("a.x.example", "/", "'*'", "/"), "*.x.example"),
    ],
)
def test_services_that_one_browser_would_mix_up(
    loader: Loader, affinities: tuple[str, str], routes: tuple[str, ...], host: str
) -> None:
    (said,) = loader.problems(
        TWO.format(*affinities) + ROUTES.format(*("'*'" if each == "*" else each for each in routes))
    )
    assert said.startswith("3: services.b.affinity")
    assert f"is the cookie of service `a` too, and a browser on host `{host}` reaches both" in said


@pytest.mark.parametrize(
    ("affinities", "routes"),
    [
        ((WRAP, WRAP), ("x.example", "/", "y.example", "/")),
        ((WRAP, WRAP), ("x.example", "/", "'*'", "/")),
        ((WRAP, WRAP), ("'*.x.example'", "/", "'*.example'", "/")),
        ((HASH, HASH), ("'*'", "/a", "'*'", "/")),
        ((WRAP, "mode: wrap, cookie: jsessionid"), ("'*'", "/a", "'*'", "/")),
        (("mode: issue", "mode: issue"), ("'*'", "/a", "'*'", "/")),
        (("mode: none", "mode: none"), ("'*'", "/a", "'*'", "/")),
        (("mode: wrap, header: X-Sid", "mode: wrap, header: X-Sid"), ("'*'", "/a", "'*'", "/")),
        (("cookie: sid, domain: x.example", "cookie: sid"), ("a.x.example", "/", "y.example", "/")),
    ],
)
def test_services_that_no_browser_mixes_up(
    loader: Loader, affinities: tuple[str, str], routes: tuple[str, ...]
) -> None:
    assert loader.problems(TWO.format(*affinities) + ROUTES.format(*routes)) == []


@pytest.mark.parametrize(
    ("host", "fine"),
    [
        ("shop.example.com", True),
        ("example.com", True),
        ("'*.example.com'", True),
        ("'*'", True),
        ("example.org", False),
        ("xexample.com", False),
    ],
)
def test_a_domain_must_be_that_of_the_hosts(loader: Loader, host: str, fine: bool) -> None:
    said = loader.problems(
        service("affinity: {domain: example.com}", more=f"routes: [{{service: shop, host: {host}}}]\n")
    )
    assert said == (
        []
        if fine
        else [
            f"{HERE}.domain: must be the domain of all the service's hosts: browsers would refuse it on `{host}`"
        ]
    )


def test_a_service_without_affinity_options_is_fine(loader: Loader) -> None:
    assert loader.problems(SHOP) == []
