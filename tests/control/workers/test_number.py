"""How many workers there are to be: as asked for, or by the cores."""

import os
from pathlib import Path

import pytest

from config.settings import Settings
from control.workers.number import cores, worker_count
from tests.control.settings import service


def settings(workers: object, most: int | None = None) -> Settings:
    shop = service()
    if most is not None:
        shop["nodes"][1]["max_connections"] = most
    return Settings.model_validate({"services": {"shop": shop}, "workers": workers})


def test_as_many_as_the_file_says_or_as_there_are_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("control.workers.number.cores", lambda: 6)
    assert worker_count(settings(3)) == 3
    assert worker_count(settings("auto")) == 6
    assert worker_count(settings("auto", most=4)) == 4, "each needs a connection"


@pytest.mark.parametrize(
    ("files", "part"),
    [
        ({}, 8),
        ({"cpu.max": "max 100000"}, 8),
        ({"cpu.max": "250000 100000"}, 3),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 8),
        ({"cpu/cpu.cfs_quota_us": "50000", "cpu/cpu.cfs_period_us": "100000"}, 1),
    ],
)
def test_cores_are_those_of_the_process_and_of_its_container(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], part: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text + "\n")
    assert cores(tmp_path) == part
