"""What Prometheus sees of the processes that serve: files, memory and processor time, as of one."""

import os
import resource
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from prometheus_client import ProcessCollector
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

FILES = ("process_open_fds", "process_max_fds")  # those who have clients need them
OWN = "process_start_time_seconds"
CPU = "process_cpu_seconds"


class Processes(Collector):
    """Sums over this process and the `serving` ones. Processor time of those that have ended stays in it."""

    def __init__(self, serving: Callable[[], Sequence[int]]) -> None:
        """`serving`: their process ids; this one's may be among them."""
        self._serving = serving

    def collect(self) -> Iterator[Metric]:
        own, serving = os.getpid(), list(self._serving())
        families: dict[str, Metric] = {}
        sums: defaultdict[str, float] = defaultdict(float)
        for pid in dict.fromkeys([own, *serving]):
            for metric in ProcessCollector(pid=partial(int, pid), registry=None).collect():
                families.setdefault(metric.name, metric)
                counts = pid in serving if metric.name in FILES else pid == own or metric.name != OWN
                sums[metric.name] += metric.samples[0].value if counts else 0.0
        if serving != [own]:
            ended = resource.getrusage(resource.RUSAGE_CHILDREN)
            sums[CPU] += ended.ru_utime + ended.ru_stime
        for name, metric in families.items():
            metric.samples = [metric.samples[0]._replace(value=sums[name])]
            yield metric
