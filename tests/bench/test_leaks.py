"""When a process counts as leaking."""

import os

import pytest

from bench.leaks import FEWEST, Growth, Sample, sample

MB = 1024 * 1024


@pytest.mark.parametrize(
    ("memory", "files", "grown"),
    [
        ((60, 61, 60, 62), (50, 60, 40, 55), ""),
        ((20, 60, 62, 64), (10, 90, 90, 95), ""),  # what comes at first is no leak
        ((60, 60, 70, 90), (50, 50, 50, 50), "memory grew from 60 MB to 90 MB"),
        ((60, 60, 60, 60), (50, 50, 80, 120), "open files grew from 50 to 120"),
    ],
)
def test_what_grows_without_end(memory: tuple[int, ...], files: tuple[int, ...], grown: str) -> None:
    each = FEWEST // 4
    samples = [Sample(m * MB, f) for m, f in zip(memory, files, strict=True) for _ in range(each)]
    assert grown in Growth("proxy-0", samples).grown()
    assert bool(Growth("proxy-0", samples).grown()) is bool(grown)
    assert Growth("proxy-0", samples[: FEWEST - 1]).grown() == ""


def test_a_sample_is_of_the_process() -> None:
    taken = sample(os.getpid())
    with open(os.devnull, "rb"):
        assert sample(os.getpid()).files == taken.files + 1
    assert 4 * MB < taken.memory < 4096 * MB
