"""The ring: uhashring's answers, each node once, weights that hold, and nobody moved without need."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from uhashring import HashRing

from routing.ring import Order, Ring, points_of
from tests.routing.services import ids, spread

WEIGHTS = {"a": 1, "b": 2, "c": 3, "d": 1}
NAMES = list(WEIGHTS)
OURS = Ring(WEIGHTS, 100)
THEIRS = HashRing(nodes=WEIGHTS, vnodes=100)


@given(st.text())
def test_a_key_prefers_the_node_that_uhashring_gives_it(key: str) -> None:
    assert NAMES[OURS.first(key)] == THEIRS.get_node(key)


@given(st.text())
def test_the_order_is_that_of_uhashrings_range(key: str) -> None:
    assert [NAMES[node] for node in OURS.order(key)] == [node["nodename"] for node in THEIRS.range(key)]


def test_the_ring_closes() -> None:
    """Keys behind the last point belong to the first one."""
    ring, theirs = Ring({"a": 1, "b": 1}, 1), HashRing(nodes=["a", "b"], vnodes=1)
    last = theirs.get_points()[-1][0]
    behind = [key for key in ids(50) if theirs.hashi(key) > last]
    assert behind
    assert {"ab"[ring.first(key)] for key in behind} == {theirs.get_points()[0][1]}


@given(st.binary(max_size=8))
def test_any_key_has_a_place(key: bytes) -> None:
    """Also one that is no text: what a client sends is turned into str somewhere."""
    assert OURS.first(key.decode("utf-8", "surrogateescape")) in range(4)
    assert OURS.first("\ud800" + key.decode("latin-1")) in range(4)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 50])
def test_the_order_has_every_node_once_and_begins_with_the_first(count: int) -> None:
    ring = Ring({f"n{i}": 1 for i in range(count)}, 20)
    assert len(ring) == count
    for key in ids(100):
        order = list(ring.order(key))
        assert sorted(order) == list(range(count))
        assert order[0] == ring.first(key)


def test_the_names_decide_and_not_their_order() -> None:
    """So that a node moved within the file keeps its sessions; only its index is another."""
    one, other = Ring({"a": 1, "b": 2, "c": 1}, 100), Ring({"c": 1, "a": 1, "b": 2}, 100)
    for key in ids(500):
        assert ["abc"[i] for i in one.order(key)] == ["cab"[i] for i in other.order(key)]


@pytest.mark.parametrize("weights", [(1, 1, 1), (1, 2, 3), (1, 1, 4), (3, 5, 2, 1, 1)])
def test_weights_hold(weights: tuple[int, ...]) -> None:
    """500 points give about 4%; three times that, of the node's own share, holds for any set of names."""
    ring = Ring({f"node-{i}": weight for i, weight in enumerate(weights)}, 500)
    found = spread(ring.first, ids(30_000), len(weights))
    for count, weight in zip(found, weights, strict=True):
        assert count == pytest.approx(30_000 * weight / sum(weights), rel=0.13)


def test_a_node_more_takes_its_fair_share_and_moves_nobody_else() -> None:
    before, after = Ring({"a": 1, "b": 1, "c": 1}, 500), Ring({"a": 1, "b": 1, "c": 1, "d": 1}, 500)
    moved = [key for key in ids(8000) if before.first(key) != after.first(key)]
    assert {after.first(key) for key in moved} == {3}
    assert len(moved) == pytest.approx(2000, rel=0.13)


def test_a_node_less_moves_exactly_its_own_over_all_others() -> None:
    before, after = Ring({"a": 1, "b": 1, "c": 1, "d": 1}, 500), Ring({"a": 1, "b": 1, "c": 1}, 500)
    moved = [key for key in ids(8000) if before.first(key) != after.first(key)]
    assert {before.first(key) for key in moved} == {3}
    assert all(count > len(moved) / 5 for count in spread(after.first, moved, 3))
    for key in moved:  # and where they go is what was second in their order
        order = before.order(key)
        assert (next(order), next(order)) == (3, after.first(key))


@pytest.mark.parametrize(
    ("weights", "counts"),
    [
        ((1, 1, 1), [500, 500, 500]),
        ((1, 2, 9), [500, 1000, 4500]),
        ((4, 4, 4), [2000, 2000, 2000]),
        ((4, 4, 5), [1000, 1000, 1250]),
        ((100, 100, 50), [1562, 1562, 781]),
        ((1000, 1, 1), [3906, 3, 3]),
    ],
)
def test_large_weights_are_scaled_down_by_halves(weights: tuple[int, ...], counts: list[int]) -> None:
    assert list(points_of({f"n{i}": weight for i, weight in enumerate(weights)}, 500).values()) == counts


@settings(max_examples=200)
@given(st.lists(st.integers(1, 1000), min_size=1, max_size=20), st.integers(10, 5000))
def test_points_are_bounded_and_in_the_order_of_the_weights(weights: list[int], points: int) -> None:
    counts = list(points_of({f"n{i}": weight for i, weight in enumerate(weights)}, points).values())
    assert sum(counts) <= 4 * points * len(weights) + len(weights)
    assert min(counts) >= 1
    ranked = sorted(zip(weights, counts, strict=True))
    assert all(light[1] <= heavy[1] for light, heavy in pairwise(ranked))


def test_a_ring_without_nodes_prefers_nobody() -> None:
    ring = Ring({}, 100)
    assert len(ring) == 0
    assert [*ring.order("key")] == []
    assert [[*order] for order in ring.around(2)] == [[], []]


def test_a_ring_has_not_too_many_nodes() -> None:
    with pytest.raises(ValueError, match="not 65536"):
        Ring({str(i): 1 for i in range(65536)}, 1)


def test_an_order_is_looked_at_again_and_only_as_far_as_somebody_looks() -> None:
    given = iter(range(5))
    order = Order(given)
    assert [next(iter(order)) for _ in range(2)] == [0, 0]
    assert next(given) == 1, "no more had been asked for"
    one, other = iter(order), iter(order)
    assert [next(one), next(other), next(one), next(other), next(other)] == [0, 0, 2, 2, 3]
    assert [*one] == [3, 4] and [*order] == [0, 2, 3, 4] == [*order]
