"""A real Prometheus scrapes a running Limpet: alerts fire; rules and dashboard ask for what is there."""

import asyncio
import json
import operator
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp

from tests.certificates import Authority
from tests.control.shop import Shop, counting, shop
from tests.deploy.prometheus import Prometheus, scraping
from tests.deploy.rules import ROOT, alerts, recorded

DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "limpet.json").read_text())
VARIABLES = {"$__rate_interval": "5m", "$__range": "1h", "$instance": ".*", "$service": ".*"}


async def test_alerts_fire_and_every_expression_has_an_answer(tmp_path: Path) -> None:
    """One test, since Prometheus takes five seconds to look for its targets."""
    kept = {"strategy": "replication", "fallback": "local", "reconcile_interval": "1s"}
    stores = {"local": {"embedded": str(tmp_path / "sessions.db")}}
    (tmp_path / "wiki.json").write_text('[{"targets": ["127.0.0.1:1"]}]')
    certificate = Authority(tmp_path).issue("shop.example")
    settings = {
        "listen": ["127.0.0.1:0", {"address": "127.0.0.2:0", "tls": {"certificates": certificate}}],
        "routes": [{"service": "shop"}, {"host": "wiki.example", "service": "wiki"}],
        "others": {"wiki": {"discover": {"files": str(tmp_path / "wiki.json")}}},
        "stores": stores,
        "limits": {"body": "1KiB"},
    }
    async with (
        shop(tmp_path, kept, **settings) as cluster,
        scraping(tmp_path, cluster.admin) as prometheus,
    ):
        await every_kind_of_traffic(cluster)
        await no_name_is_unknown(prometheus)
        await no_panel_is_empty(prometheus)
        await prometheus.until(operator.not_, firing("LimpetNodeDown", node="a"))
        cluster.nodes[0].kill()
        await prometheus.until(len, firing("LimpetNodeDown", node="a"))
        await prometheus.until(operator.not_, firing("LimpetServiceDown", service="shop"))


async def every_kind_of_traffic(cluster: Shop) -> None:
    """Writes, a refused request, an answer of Limpet's own, and a node that is drained."""
    async with counting(cluster, 6) as clients, aiohttp.ClientSession() as client:
        for _ in range(2):
            await asyncio.gather(*(each.add() for each in clients))
        async with client.post(cluster.url, data=b"x" * 2000) as answer:
            assert answer.status == 413
        await set_mode(cluster, "maint", "abc")
        async with client.get(cluster.url) as answer:
            assert answer.status == 503
        await set_mode(cluster, "ready", "ab")
        await set_mode(cluster, "drain", "c")
        await cluster.until_states(a="up", b="up", c="drain")
        await asyncio.gather(*(each.add() for each in clients))


async def set_mode(cluster: Shop, word: str, nodes: str) -> None:
    for node in nodes:
        await cluster.api(f"/api/services/shop/nodes/{node}/{word}", "POST", {})


def firing(alert: str, **labels: str) -> str:
    """Asks whether an alert fires."""
    wanted = {"alertname": alert, "alertstate": "firing", **labels}
    return "ALERTS{" + ", ".join(f'{name}="{value}"' for name, value in wanted.items()) + "}"


async def no_name_is_unknown(prometheus: Prometheus) -> None:
    """Every metric in rules and dashboard is one that Limpet has, or a rule makes."""
    names = await known_names(prometheus)
    for expression in [*(rule["expr"] for rule in (*alerts(), *recorded())), *questions(DASHBOARD)]:
        assert set(metrics_in(expression)) <= names, expression
        await prometheus.query(filled_in(expression))


async def no_panel_is_empty(prometheus: Prometheus) -> None:
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", []):
            await prometheus.until(len, filled_in(target["expr"]))
    for rule in recorded():
        await prometheus.until(len, rule["record"])


async def known_names(prometheus: Prometheus) -> set[str]:
    """The metrics that were scraped, with or without samples, and those that rules make of them."""
    names = {"up", *(rule["record"] for rule in recorded())}
    for family in await prometheus.ask("targets/metadata"):
        name, kind = family["metric"], family["type"]
        names |= {f"{name}_bucket", f"{name}_count", f"{name}_sum"} if kind == "histogram" else {name}
    return names


def questions(board: dict[str, Any]) -> Iterator[str]:
    """All PromQL of a dashboard: of its panels and its variables."""
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            yield target["expr"]
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            yield re.fullmatch(r"label_values\((.*), \w+\)", variable["definition"])[1]  # type: ignore[index]


def filled_in(expression: str) -> str:
    """As Grafana would send it."""
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    return expression


def metrics_in(expression: str) -> list[str]:
    """The names of metrics: what stands before `{`, and what looks like one of ours or a recorded one."""
    bare = re.sub(r'"[^"]*"', '""', expression)
    return re.findall(r"\b(?:\w+(?=\{)|(?:limpet|process)_\w+|\w+:\w+:\w+)", bare)


def test_no_panel_lies_over_another() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24, panel["title"]
        taken |= cells
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
