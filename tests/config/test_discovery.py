"""Where nodes are found: what may be written, and what is said of the rest."""

import pytest

from config.discovery_settings import Discover
from tests.config.files import Loader


def shop(discover: str, more: str = "") -> str:
    return f"services:\n  shop:\n    discover: {{{discover}}}\n{more}"


def test_a_service_may_have_only_nodes_that_are_found(loader: Loader) -> None:
    found = loader.settings(shop("dns: App.Shop.svc.cluster.local., port: 8000")).services["shop"]
    assert found.nodes == ()
    assert found.discover == Discover(dns="app.shop.svc.cluster.local.", port=8000)
    assert (found.discover.at_least, found.discover.at_most, found.discover.scheme) == (1, 60, "http")


def test_and_some_of_its_own_beside_them(loader: Loader) -> None:
    text = shop("srv: _http._tcp.shop", "    nodes: [{name: a, url: 'http://a', backup: true}]\n")
    assert [node.name for node in loader.settings(text).services["shop"].nodes] == ["a"]


def test_files_count_from_the_folder(loader: Loader) -> None:
    found = loader.settings(shop("files: [nodes/*.json, /etc/nodes]")).services["shop"].discover
    assert found is not None
    assert found.files == (f"{loader.folder}/nodes/*.json", "/etc/nodes")


def test_resolvers_have_ports(loader: Loader) -> None:
    found = loader.settings(shop("srv: s, resolvers: [10.0.0.1, '[fd00::1]:5353', 'fd00::1', '1.1.1.1:54']"))
    discover = found.services["shop"].discover
    assert discover is not None
    assert discover.resolvers == ("10.0.0.1:53", "[fd00::1]:5353", "[fd00::1]:53", "1.1.1.1:54")


@pytest.mark.parametrize(
    ("discover", "key", "message"),
    [
        ("", "", "must have one of `dns`, `srv` or `files`: none is given"),
        ("dns: a, srv: b", "", "must have one of `dns`, `srv` or `files`: `dns` and `srv` are given"),
        ("dns: a.b", ".port", "is missing: addresses in DNS have no ports"),
        ("dns: 10.0.0.1, port: 80", ".dns", "must be a name in DNS such as app.shop.svc.cluster.local"),
        ("srv: a, port: 80", ".port", "has no effect with `srv`, only with `dns` or `files`: leave it out"),
        ("srv: a, family: all", ".family", "must not be `all` with `srv`"),
        ("files: a, at_most: 9s", ".at_most", "has no effect with `files`, only with `dns` or `srv`"),
        ("srv: a, at_least: 9s, at_most: 8s", ".at_most", "must not be less than `at_least`, 9s"),
        ("srv: a, resolvers: dns.example", ".resolvers", "must be the address of a DNS server"),
        ("srv: a, sessions_port: 99", ".sessions_port", "does not use the session contract"),
        ("srv: a, scheme: https", ".scheme", "needs `tls.server_name`"),
        ("srv: a, ttl: 9", ".ttl", "is not an option"),
    ],
)
def test_what_is_wrong_is_said(loader: Loader, discover: str, key: str, message: str) -> None:
    (problem,) = loader.problems(shop(discover))
    assert problem.startswith(f"3: services.shop.discover{key}: ")
    assert message in problem


def test_who_is_spoken_to_by_the_proxy_protocol(loader: Loader) -> None:
    more = "    send_proxy: v2\n    tls: {server_name: shop}\n"
    (problem,) = loader.problems(shop("srv: a, scheme: https", more))
    assert "discover.scheme: must be `http` with `send_proxy`" in problem


def test_how_many_nodes_there_are_is_not_for_the_file_to_say(loader: Loader) -> None:
    sessions = "    sessions: {strategy: replication, replicas: 3}\nnode_keys: [correct-horse-battery]\n"
    assert loader.problems(shop("srv: a, sessions_port: 99", sessions)) == []


def test_no_nodes_at_all_is_a_mistake(loader: Loader) -> None:
    (problem,) = loader.problems("services: {shop: {on_unavailable: strict}}\n")
    assert problem.startswith("1: services.shop.nodes: is missing: give the app servers, or `discover`")
