"""Whether processes grow while they work: memory and open files, looked at when all is well."""

import os
from pathlib import Path
from statistics import median
from typing import NamedTuple

MORE_BYTES = 16 * 1024 * 1024  # that a process may have more of in the end
MORE_SHARE = 1.25  # and so much of what it had
MORE_FILES = 40
FEWEST = 8  # samples: caches fill and pools grow in the first of them
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Sample(NamedTuple):
    """Of one process: resident bytes, open files."""

    memory: int
    files: int


class Growth(NamedTuple):
    """The samples of one process between two starts of it."""

    name: str
    samples: list[Sample]

    def grown(self) -> str:
        """What it has more of in the last quarter than in the second; "": nothing, or there are too few."""
        if len(self.samples) < FEWEST:
            return ""
        quarter = len(self.samples) // 4
        early, late = self.samples[quarter : 2 * quarter], self.samples[-quarter:]
        memory, memory_then = (median(s.memory for s in part) for part in (late, early))
        files, files_then = (median(s.files for s in part) for part in (late, early))
        if memory > memory_then * MORE_SHARE and memory - memory_then > MORE_BYTES:
            return f"{self.name}: memory grew from {_megabytes(memory_then)} to {_megabytes(memory)}"
        if files - files_then > MORE_FILES:
            return f"{self.name}: open files grew from {files_then:.0f} to {files:.0f}"
        return ""

    def told(self) -> str:
        """For a table: the first and the last of it."""
        first, last = self.samples[0], self.samples[-1]
        return (
            f"{self.name} {_megabytes(first.memory)} to {_megabytes(last.memory)},"
            f" {first.files} to {last.files} files"
        )


def sample(process: int) -> Sample:
    """By its id, from /proc. Raises OSError where it is gone."""
    folder = Path(f"/proc/{process}")
    pages = int((folder / "statm").read_text().split()[1])
    return Sample(pages * _PAGE, len(list((folder / "fd").iterdir())))


def _megabytes(size: float) -> str:
    return f"{size / 1024 / 1024:.0f} MB"
