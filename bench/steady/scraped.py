"""The metrics of a running Limpet, as numbers by name and labels."""

import urllib.request

from prometheus_client.parser import text_string_to_metric_families

Key = tuple[str, tuple[tuple[str, str], ...]]


class Scrape:
    """What /metrics said once."""

    def __init__(self, admin: int) -> None:
        with urllib.request.urlopen(f"http://127.0.0.1:{admin}/metrics", timeout=30) as answer:
            text = answer.read().decode()
        self.values: dict[Key, float] = {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def value(self, name: str, **labels: str) -> float:
        return self.values[name, tuple(sorted(labels.items()))]

    def total(self, name: str) -> float:
        """Over all labels."""
        return sum(value for (known, _), value in self.values.items() if known == name)

    def buckets(self, name: str) -> dict[float, float]:
        """A histogram's counts up to each bound, one bucket for all labels but `le`."""
        found: dict[float, float] = {}
        for (known, labels), value in self.values.items():
            if known == f"{name}_bucket":
                bound = float(dict(labels)["le"])
                found[bound] = found.get(bound, 0.0) + value
        return dict(sorted(found.items()))


def grown(name: str, before: Scrape, after: Scrape) -> list[tuple[float, int]]:
    """What a histogram has got meanwhile: counts by upper bound, not cumulated."""
    old, new = before.buckets(name), after.buckets(name)
    cumulated = [(bound, int(new[bound] - old[bound])) for bound in new]
    return [
        (bound, count - below)
        for (bound, count), below in zip(cumulated, [0, *(c for _, c in cumulated)], strict=False)
    ]


def above(counts: list[tuple[float, int]], seconds: float) -> int:
    """How many were longer than one of the bounds."""
    return sum(count for bound, count in counts if bound > seconds)


def longest(counts: list[tuple[float, int]]) -> float:
    """The bound that none exceeded; inf where it has none."""
    return max((bound for bound, count in counts if count), default=0.0)
