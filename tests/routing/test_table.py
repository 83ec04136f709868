"""Which rule a request falls under, and that nobody slips past one."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.paths import readings
from routing.table import KNOWN_HOSTS, RouteTable, Rule, canonical_host

RULES = [
    Rule("shop.example.com", "/", "shop"),
    Rule("shop.example.com", "/admin", "shop-admin"),
    Rule("shop.example.com", "/admin/reports/", "reports"),
    Rule("*.example.com", "/", "any-example"),
    Rule("*.eu.example.com", "/", "europe"),
    Rule("*.eu.example.com", "/api", "europe-api"),
    Rule("api.example.com", "/v1", "api"),
    Rule("[::1]", "/", "six"),
    Rule("*", "/admin", "admin"),
    Rule("*", "/", "rest"),
]
TABLE = RouteTable(RULES)


@pytest.mark.parametrize(
    ("host", "path", "target"),
    [
        (b"shop.example.com", b"/", "shop"),
        (b"shop.example.com", b"", "shop"),
        (b"shop.example.com", b"*", "shop"),
        (b"shop.example.com", b"/adminx", "shop"),
        (b"shop.example.com", b"/admin", "shop-admin"),
        (b"shop.example.com", b"/admin?x=/../", "shop-admin"),
        (b"shop.example.com", b"/admin/", "shop-admin"),
        (b"shop.example.com", b"/admin/reports", "reports"),
        (b"shop.example.com", b"/admin/reportsx", "shop-admin"),
        (b"shop.example.com", b"/admin/reports/2024/11", "reports"),
        # the host's spelling
        (b"SHOP.Example.COM", b"/admin", "shop-admin"),
        (b"shop.example.com:8080", b"/admin", "shop-admin"),
        (b"shop.example.com.", b"/admin", "shop-admin"),
        (b"shop.example.com.:80", b"/admin", "shop-admin"),
        (b"shop.example.com..", b"/", "rest"),
        (b"[::1]", b"/", "six"),
        (b"[::1]:8080", b"/", "six"),
        (b"[::2]:8080", b"/", "rest"),
        (b"", b"/", "rest"),
        # wildcards
        (b"x.example.com", b"/", "any-example"),
        (b"x.y.example.com", b"/", "any-example"),
        (b"x.eu.example.com", b"/", "europe"),
        (b"x.eu.example.com", b"/api/x", "europe-api"),
        (b"eu.example.com", b"/", "any-example"),
        (b"example.com", b"/", "rest"),
        (b".example.com", b"/", "rest"),
        (b"evil-example.com", b"/", "rest"),
        (b"x.example.com.evil.org", b"/", "rest"),
        # a host's rules that have none for the path leave it to the next pattern
        (b"api.example.com", b"/v1/x", "api"),
        (b"api.example.com", b"/v2/x", "any-example"),
        (b"elsewhere.org", b"/admin", "admin"),
    ],
)
def test_host_then_longest_path(host: bytes, path: bytes, target: str) -> None:
    assert TABLE.find(host, path) == target
    assert TABLE.find(host, path) == target  # the host is known now


@pytest.mark.parametrize(
    ("path", "target"),
    [
        (b"/%61dmin", "shop-admin"),
        (b"/%61%64%6D%69%6e/x", "shop-admin"),
        (b"/admin;v=1", "shop-admin"),
        (b"/admin;v=1/x", "shop-admin"),
        (b"/admin/./x", "shop-admin"),
        (b"/admin/x/../y", "shop-admin"),
        (b"/admin//x", "shop-admin"),
        (b"/admin/x%2fy", "shop-admin"),
        (b"/admin%20x", "shop"),
        (b"/a/../b", "shop"),
        (b"/a//b", "shop"),
        (b"/.well-known/security.txt", "shop"),
        # read differently by different servers, and under different rules: nobody's
        (b"//admin", None),
        (b"/./admin", None),
        (b"/%2e/admin", None),
        (b"/x/../admin", None),
        (b"/x/%2e%2e/admin", None),
        (b"/x/%2e%2E/%61dmin", None),
        (b"/x/..;/admin", None),
        (b"/x/..%2fadmin", None),
        (b"/x%2f..%2fadmin", None),
        (b"/x%2fy/../admin", None),
        (b"/x\\..\\admin", None),
        (b"/x%5c..%5cadmin", None),
        (b"/%2fadmin", None),
        (b"/admin%2fx", None),
        (b"/admin/../x", None),
        (b"/admin/..", None),
        (b"/admin/..;/x", None),
        (b"/admin//..", None),
        (b"/admin/x/..%2f..", None),
        (b"/admin/reports/../x", None),
    ],
)
def test_no_spelling_slips_past_a_rule(path: bytes, target: str | None) -> None:
    assert TABLE.find(b"shop.example.com", path) == target
    assert TABLE.find(b"shop.example.com", path + b"?q") == target


@given(
    st.lists(
        st.sampled_from(
            [b"/", b"admin", b"reports", b"x", b".", b"..", b"%2e", b"%2f", b"%61dmin", b";a", b"\\"]
        )
    ).map(b"".join)
)
def test_whoever_is_asked_every_reading_agrees(path: bytes) -> None:
    targets = {
        TABLE.find(b"shop.example.com", b"/" + reading.lstrip(b"/")) for reading in readings(b"/" + path)
    }
    found = TABLE.find(b"shop.example.com", b"/" + path)
    assert found is None or found in targets
    for reading in readings(b"/" + path):
        if found == "shop":
            assert not reading.startswith(b"/admin/") and reading != b"/admin"


def test_the_order_of_the_file_does_not_matter() -> None:
    rules = [RULES[i] for i in (0, 1, 3, 4, 9)]
    asked = [
        (b"shop.example.com", b"/admin"),
        (b"a.eu.example.com", b"/"),
        (b"b.example.com", b"/x"),
        (b"o", b"/"),
    ]
    expected = [RouteTable(rules).find(*request) for request in asked]
    for order in permutations(rules):
        table = RouteTable(order)
        assert [table.find(*request) for request in asked] == expected


def test_one_rule_for_everything_takes_everything() -> None:
    table = RouteTable([Rule("*", "/", "all")])
    for path in (b"/", b"", b"*", b"/x/../..", b"//", b"/%2f"):
        assert table.find(b"whatever", path) == "all"


def test_one_rule_that_is_not_for_everything() -> None:
    assert RouteTable([Rule("*", "/app", "app")]).find(b"h", b"/x") is None
    assert RouteTable([Rule("a.org", "/", "app")]).find(b"b.org", b"/") is None
    assert RouteTable([Rule("*.a.org", "/", "app")]).find(b"b.a.org", b"/") == "app"
    assert RouteTable[str]([]).find(b"b.org", b"/") is None


def test_rules_are_spelled_as_freely_as_requests() -> None:
    table = RouteTable(
        [Rule("Shop.Example.com.", "/caf%C3%A9/", "cafe"), Rule("*.Example.COM", "/a/../b", "b")]
    )
    assert table.find(b"shop.example.com", b"/caf%c3%a9/x") == "cafe"
    assert table.find(b"x.example.com", b"/b") == "b"


def test_a_thousand_rules() -> None:
    exact = [Rule(f"h{i}.example.com", f"/p{i}/x", f"e{i}") for i in range(500)]
    wild = [Rule(f"*.w{i}.example.com", f"/p{i}", f"w{i}") for i in range(500)]
    table = RouteTable([*exact, *wild])
    for i in range(500):
        assert table.find(b"h%d.example.com" % i, b"/p%d/x/y" % i) == f"e{i}"
        assert table.find(b"a.w%d.example.com" % i, b"/p%d/x/y" % i) == f"w{i}"
        assert table.find(b"h%d.example.com" % i, b"/p%d/xy" % i) is None


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ([("a.org", "/x"), ("A.org.", "/%78/")], "host A.org. has two rules for /x"),
        ([("*", "/"), ("*", "")], r"host \* has two rules for /"),
        ([("a.*.org", "/")], "a host is a name"),
        ([("*a.org", "/")], "a host is a name"),
        ([("*.*.org", "/")], "a host is a name"),
        ([("", "/")], "a host is a name"),
    ],
)
def test_rules_that_cannot_be(rules: list[tuple[str, str]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RouteTable([Rule(host, path, "x") for host, path in rules])


def test_clients_cannot_fill_the_memory_with_hosts() -> None:
    table = RouteTable(RULES)
    for i in range(KNOWN_HOSTS + 50):
        assert table.find(b"h%d.example.com" % i, b"/") == "any-example"
    assert table.find(b"a." * 4000 + b"example.com", b"/admin") == "any-example"
    assert len(table._known) == KNOWN_HOSTS
    short = RouteTable(RULES)
    assert short.find(b"a" * 300, b"/") == "rest"
    assert not short._known


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        (b"A.b", b"a.b"),
        (b"a:1", b"a"),
        (b"[2001:DB8::1]:80", b"[2001:db8::1]"),
        (b"1.2.3.4:5", b"1.2.3.4"),
        (b"", b""),
    ],
)
def test_a_host_as_it_is_compared(host: bytes, expected: bytes) -> None:
    assert canonical_host(host) == expected
