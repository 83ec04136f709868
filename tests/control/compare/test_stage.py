"""The configuration that is written is one that Limpet takes, as its defaults have it."""

from pathlib import Path

import pytest

from config.loading import load
from config.session_settings import Strategy
from control.compare.plan import STRATEGIES, Plan
from control.compare.stage import Metrics, Stage
from control.compare.stores import make_store


@pytest.mark.parametrize("redis", ["", "redis://me:s%2Fcret@127.0.0.1:6390/4"])
def test_the_written_configuration_is_without_a_mistake(tmp_path: Path, redis: str) -> None:
    stage = Stage(Plan(redis=redis), tmp_path, make_store(redis, tmp_path))
    (tmp_path / "store").mkdir()
    settings = load(stage.write_config(), {})
    assert list(settings.services) == list(STRATEGIES)
    for name, service in settings.services.items():
        assert [node.name for node in service.nodes] == ["a", "b", "c"]
        assert service.sessions.strategy == Strategy(name)
        assert (service.sessions.replicas, service.sessions.ack) == (1, "sync")
    assert [(route.path, route.service) for route in settings.routes] == [(f"/{s}", s) for s in STRATEGIES]
    store = settings.stores["compared"]
    if redis:
        assert store.redis is not None
        assert store.redis.text == f"redis+unix://me:s%2Fcret@{tmp_path}/relay?db=4"
    else:
        assert store.embedded == str(tmp_path / "store" / "sessions.db")


def test_affinity_alone_needs_neither_keys_nor_store(tmp_path: Path) -> None:
    settings = load(Stage(Plan(strategies=("affinity",)), tmp_path, None).write_config(), {})
    assert (settings.node_keys, settings.stores) == ((), {})


def test_metrics_are_summed_by_their_labels() -> None:
    scrape = Metrics(
        "# TYPE limpet_x_total counter\n"
        'limpet_x_total{service="a",node="1"} 2\nlimpet_x_total{service="b",node="1"} 3\n'
        'limpet_x_total_more{service="a"} 100\n# TYPE limpet_y gauge\nlimpet_y 4\n'
    )
    assert scrape.total("limpet_x_total") == 5
    assert scrape.total("limpet_x_total", service="a") == 2
    assert (scrape.total("limpet_y"), scrape.total("limpet_z")) == (4, 0)
