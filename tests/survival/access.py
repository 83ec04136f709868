"""What the proxies' access logs say of the clients' requests: which node had one, and what went wrong."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple


class Logged(NamedTuple):
    """One request, as its proxy saw it. `fault`: a word of Limpet's, "" where all went well."""

    node: str
    fault: str
    tries: int


def read_faults(files: Iterable[Path]) -> dict[str, Logged]:
    """By target: all requests that did not go well. Targets are unique, each has its client and a number."""
    logged: dict[str, Logged] = {}
    for file in files:
        if file.exists():
            for line in file.read_text().splitlines():
                if '"fault":""' not in line:
                    told = json.loads(line)
                    logged[told["target"]] = Logged(told["node"], told["fault"], told["tries"])
    return logged
