"""Looks for nodes in files: each is read when it has changed, and then no longer changes."""

import asyncio
import glob
from pathlib import Path

from config.discovery_settings import Discover
from config.settings import Node
from control.discovery.source import DiscoveryError, Found, in_order
from control.discovery.targets import nodes_of_text
from control.stamps import Stamps, stamps

LOOK_SECONDS = 1.0  # a file that was the same at two looks is whole
ENDINGS = (".json", ".yaml", ".yml")


class FileSource:
    """One service's. A file that cannot be read keeps the nodes that it had."""

    def __init__(self, discover: Discover) -> None:
        self._discover = discover
        self._seen: Stamps | None = None  # at the look before
        self._read: Stamps = {}
        self._nodes: dict[Path, list[Node]] = {}
        self._problems: dict[Path, str] = {}

    async def look(self) -> Found:
        """Raises DiscoveryError."""
        await asyncio.to_thread(self._look)
        problems = tuple(self._problems.values())
        nodes = in_order([node for path in sorted(self._nodes) for node in self._nodes[path]])
        if not nodes:
            raise DiscoveryError("; ".join(problems) or "they have no targets")
        return Found(nodes, LOOK_SECONDS, problems)

    def _look(self) -> None:
        now = stamps(_paths(self._discover.files))
        for gone in self._read.keys() - now.keys():
            for known in (self._read, self._nodes, self._problems):
                known.pop(gone, None)
        for path, stamp in now.items():
            whole = self._seen is None or self._seen.get(path) == stamp
            if whole and self._read.get(path) != stamp:
                self._read[path] = stamp
                self._take(path)
        self._seen = now

    def _take(self, path: Path) -> None:
        self._problems.pop(path, None)
        try:
            text = path.read_text(encoding="utf-8")
            self._nodes[path] = nodes_of_text(self._discover, text, path.suffix == ".json")
        except DiscoveryError as error:
            self._problems[path] = f"{path.name}: {error}"
        except UnicodeDecodeError:
            self._problems[path] = f"{path.name}: is not UTF-8"
        except OSError as error:
            self._problems[path] = f"{path.name}: cannot be read: {error.strerror}"


def _paths(patterns: tuple[str, ...]) -> list[Path]:
    """The files that there are; one without a pattern is named even where it is not there."""
    found = []
    for pattern in patterns:
        path = Path(pattern)
        if path.is_dir():
            found += [each for each in path.iterdir() if each.suffix in ENDINGS and not each.is_dir()]
        elif glob.has_magic(pattern):
            found += [Path(each) for each in glob.glob(pattern)]
        else:
            found.append(path)
    return sorted(set(found))
