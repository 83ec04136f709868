"""A page typed along: its files are written, its commands run in one shell, and what they print compared."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.examples.running import ROOT, free_port

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ID = re.compile(r"\{[A-Za-z0-9_-]{22}\}")
MARK = "--- a block ends here"
PATIENCE_SECONDS = 120


def type_along(name: str, folder: Path, ports: tuple[str, ...]) -> None:
    """Every `sh` block of docs/NAME prints the `text` block that follows it, if any. `ports` are replaced."""
    page = (ROOT / "docs" / name).read_text()
    for port in ports:
        page = re.sub(rf"\b{port}\b", str(free_port()), page)
    for file, text in files(page).items():
        (folder / file).write_text(text)
    told = commands(page)
    script = "".join(f"{block}echo '{MARK}'\n" for block, _ in told) + "wait\n"
    with shell(folder, script) as process:
        out, err = process.communicate(timeout=PATIENCE_SECONDS)
    said = [ID.sub("{ID}", part).strip("\n").splitlines() for part in out.split(MARK)]
    for (block, lines), heard in zip(told, said, strict=False):
        assert heard == [ID.sub("{ID}", line) for line in lines], f"{block}\nsaid {heard}:\n{err[-3000:]}"
    assert len(said) == len(told) + 1


def files(page: str) -> dict[str, str]:
    """What the page has the reader write: the block that follows a line which names a file."""
    found = {}
    for before, block in zip(page.split("```")[::2], page.split("```")[1::2], strict=False):
        named = re.search(r"`([\w.]+)`:\s*$", before)
        if named:
            found[named[1]] = block.partition("\n")[2]
    return found


def commands(page: str) -> list[tuple[str, list[str]]]:
    """Each block of commands, and the lines that it prints according to the page."""
    blocks = BLOCK.findall(page)
    return [
        (
            text,
            blocks[at + 1][1].splitlines() if blocks[at + 1 : at + 2] and blocks[at + 1][0] == "text" else [],
        )
        for at, (kind, text) in enumerate(blocks)
        if kind == "sh"
    ]


@contextmanager
def shell(folder: Path, script: str) -> Iterator["subprocess.Popen[str]"]:
    """Bash with the script; it and all that it starts are gone afterwards."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    process = subprocess.Popen(
        ["bash", "-uo", "pipefail", "-c", script],
        cwd=folder,
        env={**os.environ, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
