"""From DNS records to nodes, without any DNS."""

import itertools
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from config.discovery_settings import Discover
from control.discovery.records import Record, chosen, nodes_of_addresses, nodes_of_records, relative, short
from routing.view import NodeView, service_view

OWNER = "_http._tcp.shop.default.svc.cluster.local."
A, B, C = (f"shop-{number}.shop.default.svc.cluster.local." for number in range(3))
WHERE = {A: "10.0.0.1", B: "10.0.0.2", C: "fd00::3"}


def discover(**options: Any) -> Discover:
    return Discover.model_validate({"dns": "app", "port": 8000, **options})


def seen(*records: Record) -> list[tuple[str, str, int, bool]]:
    nodes, problems = nodes_of_records(Discover(srv="shop"), OWNER, records, WHERE)
    assert problems == ()
    return [(node.name, str(node.url), node.weight, node.backup) for node in nodes]


def test_an_address_is_a_node_with_its_name() -> None:
    nodes = nodes_of_addresses(discover(max_connections=5, sessions_port=8001), ["10.0.0.2", "fd00::1"])
    assert [node.name for node in nodes] == ["10.0.0.2:8000", "[fd00::1]:8000"]
    assert [str(node.url) for node in nodes] == ["http://10.0.0.2:8000", "http://[fd00::1]:8000"]
    assert [str(node.sessions_url) for node in nodes] == ["http://10.0.0.2:8001", "http://[fd00::1]:8001"]
    assert [node.max_connections for node in nodes] == [5, 5]


def test_the_scheme_is_that_of_all() -> None:
    (node,) = nodes_of_addresses(discover(scheme="https", sessions_port=1), ["10.0.0.2"])
    assert (str(node.url), str(node.sessions_url)) == ("https://10.0.0.2:8000", "https://10.0.0.2:1")


def test_whatever_the_order_the_nodes_are_the_same() -> None:
    addresses = ["10.0.0.1", "10.0.0.10", "10.0.0.2"]
    found = {nodes_of_addresses(discover(), each) for each in itertools.permutations(addresses)}
    assert len(found) == 1


@given(st.permutations([f"10.0.0.{number}" for number in range(6)]))
def test_two_proxies_that_heard_of_them_in_another_order_have_the_same_ring(addresses: list[str]) -> None:
    def order(names: list[str]) -> list[str]:
        ring = service_view("shop", tuple(NodeView(name) for name in names), 50).ring
        return [names[index] for index in ring.order("a session")]

    assert order(addresses) == order(sorted(addresses))


def test_a_record_is_a_node_at_its_targets_address() -> None:
    assert seen(Record(0, 0, 8000, B), Record(0, 0, 8000, A), Record(0, 0, 9000, C)) == [
        ("shop-0:8000", "http://10.0.0.1:8000", 1, False),
        ("shop-1:8000", "http://10.0.0.2:8000", 1, False),
        ("shop-2:9000", "http://[fd00::3]:9000", 1, False),
    ]


def test_the_lowest_priority_is_served_and_the_others_are_backups() -> None:
    found = seen(Record(20, 5, 1, A), Record(10, 5, 1, B), Record(30, 5, 1, C))
    assert [(name, backup) for name, _, _, backup in found] == [
        ("shop-0:1", True),
        ("shop-1:1", False),
        ("shop-2:1", True),
    ]


def test_weights_count_beside_the_largest_of_a_priority() -> None:
    found = seen(Record(0, 50, 1, A), Record(0, 100, 1, B), Record(1, 7, 1, C))
    assert [weight for _, _, weight, _ in found] == [5, 10, 1]
    assert [relative(33, [33, 33]), relative(0, [0]), relative(0, [0, 9]), relative(65535, [1, 65535])] == [
        1,
        1,
        1,
        10,
    ]


def test_a_target_with_two_records_for_a_port_counts_once_by_the_better() -> None:
    assert seen(Record(5, 0, 80, A), Record(1, 0, 80, A), Record(1, 0, 81, A)) == [
        ("shop-0:80", "http://10.0.0.1:80", 1, False),
        ("shop-0:81", "http://10.0.0.1:81", 1, False),
    ]


def test_what_cannot_be_a_node_is_said() -> None:
    records = [
        Record(0, 0, 80, A),
        Record(0, 0, 80, "gone."),
        Record(0, 0, 0, B),
        Record(0, 0, 80, r"a\032b."),
    ]
    nodes, problems = nodes_of_records(Discover(srv="shop"), OWNER, records, {**WHERE, r"a\032b.": "::1"})
    assert [node.name for node in nodes] == ["shop-0:80"]
    assert len(problems) == 3
    assert "gone. has no address" in problems


def test_names_are_without_the_domain_that_all_share() -> None:
    assert short(A, OWNER) == "shop-0"
    assert short("Shop-0.Shop.default.svc.cluster.local.", OWNER.upper()) == "shop-0"
    assert short("elsewhere.example.", OWNER) == "elsewhere.example"
    assert short("ac1f.addr.dc1.consul.", "shop.service.consul.") == "ac1f.addr.dc1.consul"
    assert short("shop.default.svc.cluster.local.", OWNER) == "shop.default.svc.cluster.local"
    assert short("a.", ".") == "a"


def test_a_target_stays_at_its_address_while_it_has_it() -> None:
    assert chosen({"10.0.0.9", "10.0.0.10"}, None) == "10.0.0.9"
    assert chosen({"10.0.0.9", "10.0.0.10"}, "10.0.0.10") == "10.0.0.10"
    assert chosen({"10.0.0.9", "fd00::1"}, "10.0.0.10") == "10.0.0.9"
