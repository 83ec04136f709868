"""Reads the configuration file in a process of its own: what takes long there keeps no request waiting.

A thread would not do: while one parses, each turn of the event loop waits for the interpreter.
"""

import asyncio
import io
import os
import pickle
import subprocess
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

from config.loading import load
from config.problems import ConfigError, Problem
from config.settings import Node, Service, Settings
from control.placing import place_nodes
from routing.ring import Placed

PATIENCE_SECONDS = 120.0
# Where there is one core, requests go first: it gets a tenth of what they leave no room for.
MAIN = "import os, sys; os.nice(10); from control.reading import main; main(sys.argv[1])"
GROUP = 100  # nodes in one pickle, which takes half a millisecond to load


class Read(NamedTuple):
    """What the file says, and by service the points of its ring."""

    settings: Settings
    placed: Mapping[str, Placed]


async def read(path: str) -> Read:
    """Raises ConfigError, with all that is wrong, and OSError where there is no room for a process."""
    said = await asyncio.to_thread(_asked, path)
    try:
        return await _unpacked(said)
    except EOFError:
        raise ConfigError([Problem(path, 0, "", "cannot be read: its reader ended early")]) from None


def pack(path: str, env: Mapping[str, str]) -> bytes:
    """What `read` is told, in pickles that can be loaded one by one.

    First the problems; where there are none, the settings without services; then for each service its name,
    all of it but the nodes, the points of its ring, and the nodes in groups.
    """
    told = io.BytesIO()
    try:
        settings = load(path, env)
    except ConfigError as error:
        pickle.dump(error.problems, told)
        return told.getvalue()
    pickle.dump((), told)
    pickle.dump((settings.model_copy(update={"services": {}}), len(settings.services)), told)
    for name, service in settings.services.items():
        groups = [service.nodes[at : at + GROUP] for at in range(0, len(service.nodes), GROUP)]
        without = service.model_copy(update={"nodes": ()})
        pickle.dump((name, without, place_nodes(service), len(groups)), told)
        for group in groups:
            pickle.dump(group, told)
    return told.getvalue()


async def _unpacked(said: bytes) -> Read:
    """Raises ConfigError, and EOFError where something is missing."""
    told = io.BytesIO(said)
    if problems := await _next(told):
        raise ConfigError(problems)
    settings, count = await _next(told)
    services: dict[str, Service] = {}
    placed: dict[str, Placed] = {}
    for _ in range(count):
        name, service, placed[name], groups = await _next(told)
        nodes: list[Node] = []
        for _ in range(groups):
            nodes += await _next(told)
        services[name] = service.model_copy(update={"nodes": tuple(nodes)})
    return Read(settings.model_copy(update={"services": services}), placed)


async def _next(told: io.BytesIO) -> Any:
    """Its next pickle; in between the event loop does its other work."""
    await asyncio.sleep(0)
    return pickle.load(told)


def _asked(path: str) -> bytes:
    """The words of the other process; nothing where it cannot say anything."""
    # -P: a directory named `config` where the operator stands is not to be found before ours.
    command = [sys.executable, "-P", "-c", MAIN, path]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return b""
    return done.stdout


def main(path: str) -> None:
    """The other process."""
    sys.stdout.buffer.write(pack(path, os.environ))
