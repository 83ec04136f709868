"""Numbers out of what was seen, and the JSON that they become."""

import json

import pytest

from control.compare.results import percentile, percentiles
from tests.control.compare.given import found, results


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([], 0.5, None), ([3.0], 0.99, 3.0), ([4.0, 1.0, 3.0, 2.0], 0.5, 2.0), (range(1, 101), 0.99, 99)],
)
def test_a_percentile_is_one_of_the_values(values: list[float], share: float, expected: float) -> None:
    assert percentile(values, share) == expected


def test_percentiles_are_milliseconds() -> None:
    assert percentiles([0.0012345, 0.5]) == (percentiles([0.5, 0.0012345]))
    assert (percentiles([0.0012345]).p50_ms, percentiles([]).p99_ms) == (1.234, None)


def test_the_json_holds_everything_and_says_whether_the_counts_agree() -> None:
    told = json.loads(json.dumps(results(found("affinity", lost=3), found("store")).as_json()))
    assert told["agreed"] is True
    assert [each["strategy"] for each in told["strategies"]] == ["affinity", "store"]
    assert told["strategies"][0]["timeline"][1]["sessions_lost"] == 3
    assert told["events"][0] == {"at": 0.2, "what": "node b killed"}
    assert results(found("affinity", lost=3, lost_metric=2)).as_json()["agreed"] is False
