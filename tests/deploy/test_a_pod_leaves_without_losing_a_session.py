"""`preStop` in Kubernetes: a node whose health path answers 404 has its sessions moved, and then stops."""

from contextlib import ExitStack
from pathlib import Path

import httpx

from tests.examples.people import crowd, together
from tests.examples.running import Limpet, example, limpet, until

PATIENCE = 60.0  # seconds that a busy machine may take


def sessions_left(proxy: Limpet, node: str) -> int | None:
    nodes = (
        httpx.get(f"{proxy.admin_url}/api/nodes", trust_env=False, timeout=60)
        .raise_for_status()
        .json()["nodes"]
    )
    left: int | None = next(each["sessions_left"] for each in nodes if each["node"] == node)
    return left


def test_everybody_is_still_there_when_it_has_left(tmp_path: Path) -> None:
    with ExitStack() as stack:
        app = stack.enter_context(example("fastapi", tmp_path, True, env={"TMPDIR": str(tmp_path)}))
        proxy = stack.enter_context(limpet(app.config, tmp_path))
        users = crowd(proxy.url, stack)
        before = together(users, "look")
        leaving = before[0].node
        (tmp_path / f"{leaving}.leaving").touch()
        until(lambda: sessions_left(proxy, leaving) == 0, "its sessions are elsewhere", PATIENCE)
        assert proxy.metric("limpet_node_state", node=leaving, state="drain") == 1
        app.nodes[leaving].stop()
        after = together(users, "visit")
        assert [seen.count for seen in after] == [seen.count + 1 for seen in before]
        assert leaving not in {seen.node for seen in after}
        assert proxy.metric("limpet_sessions_lost_total") == proxy.metric("limpet_sessions_stale_total") == 0
