"""Which index a node has: nobody's changes while anybody may use it."""

from config.settings import Node, Settings
from control.slots import Slot, assign, let_go, members
from routing.states import Membership

GONE, LEAVING, MEMBER = Membership.GONE, Membership.LEAVING, Membership.MEMBER


def nodes(names: str) -> list[Node]:
    listed = [{"name": name, "url": f"http://127.0.0.1:{9001 + ord(name)}"} for name in names]
    return list(Settings.model_validate({"services": {"shop": {"nodes": listed}}}).services["shop"].nodes)


def seen(slots: tuple[Slot, ...]) -> list[tuple[str, Membership]]:
    return [(slot.node.name, slot.membership) for slot in slots]


def test_nodes_keep_their_slots_whatever_their_order() -> None:
    slots = assign((), nodes("abc"))
    assert seen(slots) == [("a", MEMBER), ("b", MEMBER), ("c", MEMBER)]
    assert seen(assign(slots, nodes("dca"))) == [("a", MEMBER), ("b", LEAVING), ("c", MEMBER), ("d", MEMBER)]


def test_one_that_comes_back_gets_its_own() -> None:
    slots = let_go(assign(assign((), nodes("abc")), nodes("ac")), {1})
    assert seen(slots)[1] == ("b", GONE)
    assert seen(assign(slots, nodes("abc"), {1})) == [("a", MEMBER), ("b", MEMBER), ("c", MEMBER)]


def test_a_slot_is_another_nodes_only_when_it_is_free() -> None:
    slots = let_go(assign(assign((), nodes("ab")), nodes("a")), {1})
    assert seen(assign(slots, nodes("ac"))) == [("a", MEMBER), ("b", GONE), ("c", MEMBER)]
    assert seen(assign(slots, nodes("acd"), {1})) == [("a", MEMBER), ("c", MEMBER), ("d", MEMBER)]


def test_only_who_is_leaving_can_be_let_go() -> None:
    slots = assign(assign((), nodes("ab")), nodes("a"))
    assert seen(let_go(slots, {0, 1})) == [("a", MEMBER), ("b", GONE)]
    assert [node.name for node in members(slots)] == ["a"]
