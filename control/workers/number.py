"""How many workers there are to be."""

import os
from collections.abc import Iterator
from math import ceil
from pathlib import Path

from config.settings import Settings
from config.values import AUTO, MOST_WORKERS

GROUP = Path("/sys/fs/cgroup")


def worker_count(settings: Settings) -> int:
    """`auto`: one for each core, but not more than each node may have connections."""
    if settings.workers != AUTO:
        return settings.workers
    most = [
        node.max_connections
        for service in settings.services.values()
        for node in service.nodes
        if node.max_connections is not None
    ]
    return min(cores(), MOST_WORKERS, *most)


def cores(group: Path = GROUP) -> int:
    """That this process may use: by its affinity, and by what its container is given of their time."""
    return max(1, min([len(os.sched_getaffinity(0)), *_quotas(group)]))


def _quotas(group: Path) -> Iterator[int]:
    """Linux' Documentation/admin-guide/cgroup-v2.rst, cpu.max; cgroup-v1 has two files for it."""
    for files in (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")):
        try:
            quota, period = " ".join((group / file).read_text() for file in files).split()
        except (OSError, ValueError):
            continue
        if quota.isdigit() and int(period):
            yield ceil(int(quota) / int(period))
