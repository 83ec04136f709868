"""A node made from docs/contract.md alone, in another language, passes; and each slip in it is found."""
# ruff: noqa: E501 (a slip a line)

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from config.addresses import NodeUrl
from control.conformance import endpoint_cases
from control.conformance.examine import Verdict, examine
from control.conformance.subject import Subject
from tests.control.conformance.tampering import KEY
from tests.control.conformance.tampering import PATHS as ALL_PATHS

STRANGER = Path(__file__).parent / "stranger.mjs"
PATHS = replace(ALL_PATHS, slow="")  # its app answers in one go
SLIPS = {
    "fence: the same again": ("if (n <= mark(held))", "if (n < mark(held))", "fence"),
    "fence: still served": ("{ fence: n, serving: false }", "{ fence: n }", "fence of what is served"),
    "fence: not kept of nothing": ("keep(id, held, ttl ??", "if (held.version) keep(id, held, ttl ??", "fence"),
    "fence: a new session behind it": ("!mark(held) && !asked", "!held.version && !asked", "fence of what is served"),
    "put: below the fence": ("version < mark(held) || other", "version < held.version || other", "fence"),
    "put: other bytes": ("mark(held) || other)", "mark(held))", "copy"),
    "put: still served": ("{ version, state, serving: false }", "{ version, state }", "copy of what is served"),
    "put: forgotten soon": ("held, ttl, { version, state, serving: false }", "held, 0.02, { version, state }", "remembered"),
    "end: of an unknown id": ('keep(id, find(id), ttl, { ended', "if (find(id).version) keep(id, find(id), ttl, { ended", "ended"),
    "end: no 410": ("if (held.ended) return { status: 410 };\n  if (state", "if (state", "ended"),
    "end: need state": ('"Limpet-Need": "id"', '"Limpet-Need": "state"', "dead id"),
    "takeover: below the fence": ("takeover >= held.fence && ", "", "refused takeover"),
    "takeover: at the version": ("takeover > version", "takeover >= version", "refused takeover"),
    "takeover: without the state": (" && version >= asked;", ";", "refused takeover"),
    "takeover: of what it had": (" || (asked === version && !handed.equals(state))", "", "takeover"),
    "takeover: the state not told": ("if (version > asked &&", "if (!takeover && version > asked &&", "takeover"),
    "handed over: below the fence": ("[asked, handed, asked >= held.fence]", "[asked, handed, true]", "handed over"),
    "handed over: not served": ("[asked, handed, asked >= held.fence]", "[asked, handed, false]", "handed over"),
    "need: too old": ("|| version < asked)", ")", "need"),
    "need: the fence not told": ('"state", "Limpet-Version": mark(held)', '"state", "Limpet-Version": held.version', "refused takeover"),
    "write: where nothing was written": ("JSON.stringify(after) !== JSON.stringify(before)", "true", "write, read"),
    "renew: the old id lives": ("    end(id, ttl);\n    keep(told", "    keep(told", "renew"),
    "renew: counts anew": ("keep(told", "version = 1, keep(told", "renew"),
    "touch: not for longer": ("  keep(id, held, ttl, {});\n", "", "touch"),
    "list: from `after` on": ("id > (query", "id >= (query", "list"),
    "key: none is enough": ('if (!trusted(ours("key")))', 'if (ours("key") && !trusted(ours("key")))', "wrong key"),
    "fields: the first of two": ("test(text ??", 'test(text = text?.split(",")[0] ??', "bad fields"),
    "state: anything is base64": ("check(state && state.toString(\"base64\") === text", "check(state", "bad fields"),
    "answers: one without": ("const body = app(", 'if (/no-such/.test(path)) return { status: 404 };\n  const body = app(', "any answer"),
}  # fmt: skip


@contextmanager
def running(source: str, folder: Path) -> Iterator[Subject]:
    node = shutil.which("node")
    assert node, "this test needs Node.js"
    file = folder / "node.mjs"
    file.write_text(source)
    with subprocess.Popen(
        [node, str(file), "an-older-key", KEY], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout
            yield Subject(NodeUrl("127.0.0.1", int(process.stdout.readline())), KEY, PATHS)
        finally:
            process.kill()


def test_who_knows_the_page_alone_can_make_a_node(tmp_path: Path) -> None:
    with running(STRANGER.read_text(), tmp_path) as subject:
        found = {
            finding.case: finding.why for finding in examine(subject) if finding.verdict is not Verdict.FINE
        }
    assert found.keys() == {"fence while it runs", "end while it runs"}, found
    assert all("--slow" in why for why in found.values())


@pytest.mark.parametrize("slip", SLIPS)
def test_each_slip_is_found(slip: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint_cases, "LONG_SECONDS", 0.03)
    right, wrong, case = SLIPS[slip]
    source = STRANGER.read_text()
    assert source.count(right) >= 1
    with running(source.replace(right, wrong, 1), tmp_path) as subject:
        found = {finding.case for finding in examine(subject) if finding.verdict is Verdict.WRONG}
    assert case in found
