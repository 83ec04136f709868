"""Whether files have changed, by what the file system says of them."""

from collections.abc import Iterable
from pathlib import Path

Stamps = dict[Path, tuple[int, int, int, int]]


def stamps(files: Iterable[Path]) -> Stamps:
    """By what a file, reached through links, shows that it is another one or has been written to."""
    return {file: _stamp(file) for file in files}


def _stamp(file: Path) -> tuple[int, int, int, int]:
    try:
        found = file.stat()
    except OSError:
        return (0, 0, 0, 0)
    return (found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size)
