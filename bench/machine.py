"""The machine a result comes from."""

import os
import platform
import re
from datetime import UTC, datetime
from pathlib import Path

from bench.processes import CORES, LOAD_CORE, PROXY_CORE


def described() -> list[str]:
    """Lines for the head of the results."""
    model = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    guest = "hypervisor" in Path("/proc/cpuinfo").read_text()
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return [
        f"{datetime.now(UTC):%Y-%m-%d}; {model[1] if model else platform.machine()}, {len(CORES)} cores"
        f"{', a virtual machine' if guest else ''}; Linux {platform.release()}",
        f"load average at the end {load} (about 2 is this bench itself)",
        f"proxies on core {PROXY_CORE}, one thread each; nodes and load on core {LOAD_CORE}",
    ]
