"""Where nodes are on their rings is worked out beside the event loop, and the same wherever that is done."""

from typing import Any

import pytest

from config.settings import Settings
from control import placing
from control.placing import FEW, place_nodes, placed_anew
from tests.control.settings import service


def settings(**services: dict[str, Any]) -> Settings:
    return Settings.model_validate({"services": services, "routes": [{"service": "shop"}]})


def many(count: int) -> dict[str, Any]:
    nodes = [{"name": f"n{i}", "url": f"http://127.0.0.1:{10_000 + i}"} for i in range(count)]
    return {"nodes": nodes, "balance": {"points": 10}}


@pytest.mark.parametrize("count", [2, FEW + 1])
async def test_only_rings_whose_nodes_are_others_are_placed(count: int) -> None:
    before, after = settings(shop=many(1), blog=service()), settings(shop=many(count), blog=service())
    assert await placed_anew(before, after) == {"shop": place_nodes(after.services["shop"])}


async def test_what_keeps_a_process_from_placing_many_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placing, "MAIN", "raise SystemExit(1)")
    with pytest.raises(OSError, match=r"cannot be placed on their rings: .* exit status 1"):
        await placed_anew(settings(shop=many(1)), settings(shop=many(FEW + 1)))
