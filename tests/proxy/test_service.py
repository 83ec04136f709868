"""A service's counts: by node, its own and, where it shares memory with others, all of theirs."""

from tests.proxy.parts import service


def test_what_is_under_way_goes_on_in_shared_memory() -> None:
    shop = service()
    shop.inflight = shop.everywhere = [2, 0]
    own, others = memoryview(bytearray(16)).cast("i"), [5, 0, 0, 0]
    shop.count_in(own, others)
    assert list(own) == [2, 0, 0, 0]
    assert shop.everywhere is others
    shop.inflight[0] -= 1
    assert own[0] == 1
