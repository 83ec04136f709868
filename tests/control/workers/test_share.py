"""What the file allows all workers together is dealt out."""

import pytest

from config.settings import Settings
from control.slots import assign
from control.turns import at_once
from control.workers.share import share, share_slots
from tests.control.settings import service


@pytest.mark.parametrize(("most", "workers"), [(2, 2), (7, 3), (100, 8), (None, 4)])
def test_connections_to_a_node_are_together_as_many_as_allowed(most: int | None, workers: int) -> None:
    shop = service()
    shop["nodes"][0]["max_connections"] = most
    settings = Settings.model_validate({"services": {"shop": shop}})
    slots = {"shop": assign((), settings.services["shop"].nodes)}
    parts = [
        at_once(share_slots(slots, each, workers))["shop"][0].node.max_connections for each in range(workers)
    ]
    assert parts == [None] * workers if most is None else sum(part or 0 for part in parts) == most
    assert 0 not in parts
    assert at_once(share_slots(slots, 0, workers))["shop"][1] == slots["shop"][1]


def test_queues_and_idle_connections_too() -> None:
    shop = service(queue={"length": 5}, pool={"idle": 0})
    settings = at_once(share(Settings.model_validate({"services": {"shop": shop}}), 2))
    assert (settings.services["shop"].queue.length, settings.services["shop"].pool.idle) == (3, 0)
