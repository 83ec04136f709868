"""`python -m bench.steady.scale`: what 1,000 nodes cost: the start, a decision, a changed view."""

import json
import random
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from statistics import median

from bench.machine import described
from bench.processes import PROXY_CORE, free_port, running
from bench.steady.many import many
from config.settings import Settings
from control.runtime import build
from routing.states import Mode

SECRET = "a-secret-for-the-bench"
SHAPES = ((200, 5), (1, 10), (1, 100), (1, 1000))  # services, nodes of each
STARTS = 3


def settings(services: int, nodes: int, ports: list[int] | None = None) -> dict[str, object]:
    at = iter(ports or range(10_000, 10_000 + services * nodes))
    return {
        "secrets": [SECRET],
        "services": {
            f"s{one}": {
                "nodes": [{"name": f"n{i}", "url": f"http://127.0.0.1:{next(at)}"} for i in range(nodes)],
                "health": {"path": "/health"},
            }
            for one in range(services)
        },
        "routes": [{"path": f"/s{one}", "service": f"s{one}"} for one in range(services)],
        "access_log": {"format": "off"},
    }


def started(ports: list[int], folder: Path) -> float:
    """Seconds from the command to the first `/readyz` that says yes."""
    port, admin = free_port(), free_port()
    file = folder / "proxy.yaml"
    own = {"listen": f"127.0.0.1:{port}", "admin": {"listen": f"127.0.0.1:{admin}"}}
    file.write_text(json.dumps(settings(200, 5, ports) | own))
    begin = time.monotonic()
    with running([sys.executable, "-m", "proxy", "run", "-c", str(file)], PROXY_CORE, folder, "limpet"):
        while True:
            with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{admin}/readyz", timeout=5):
                return time.monotonic() - begin
            time.sleep(0.01)  # so exact is the figure; to ask without a pause would slow the start down


def microseconds(act: Callable[[], object], times: int) -> float:
    """Of this thread's CPU, each time."""
    begin = time.thread_time()
    for _ in range(times):
        act()
    return (time.thread_time() - begin) / times * 1e6


def row(services: int, nodes: int) -> str:
    """What a decision and a changed view cost with so many nodes."""
    runtime = build(Settings.model_validate(settings(services, nodes)), [SECRET.encode()], broken)
    service, watch = runtime.engine.services["s0"], runtime.cluster.watches["s0"]
    router, names = service.router, [random.randbytes(16).hex() for _ in range(500)]
    sessions = iter(names * 3)
    sticky = microseconds(lambda: router.decide("x", 0, service.inflight, 0), 2000)
    new = microseconds(lambda: router.decide_new(next(sessions), "", service.inflight, 0.0, 0), 500)
    watch.set_mode(0, Mode.MAINT)
    failover = microseconds(lambda: router.decide(next(sessions), 0, service.inflight, 0), 500)
    modes = iter([Mode.READY, Mode.MAINT] * 10)
    view = microseconds(lambda: watch.set_mode(0, next(modes)), 20)
    tick = microseconds(lambda: [each.tick() for each in runtime.cluster.watches.values()], 5)
    return (
        f"| {services} x {nodes} | {sticky:.2f} | {new:.1f} | {failover:.1f} |"
        f" {view / 1000:.2f} ms | {tick / 1000:.1f} ms |"
    )


def broken(timer: object, error: Exception) -> None:
    raise error


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, many(1000, Path(folder)) as ports:
        starts = [started(ports, Path(folder)) for _ in range(STARTS)]
    print(f"200 services of 5 nodes: ready after {median(starts):.2f} s (median of {STARTS})\n")
    print("| services x nodes | sticky, us | new, us | failover, us | a node's state changes | all tick |")
    print("|---|---|---|---|---|---|", flush=True)
    for services, nodes in SHAPES:
        print(row(services, nodes), flush=True)
    print("\n" + "\n".join(described()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
