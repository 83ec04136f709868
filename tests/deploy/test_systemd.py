"""systemd takes the unit, and finds little to say against what it may do."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from config.settings import Timeouts
from tests.deploy.rules import ROOT

UNIT = ROOT / "deploy" / "limpet.service"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd here")
@pytest.mark.parametrize("arguments", [("verify",), ("security", "--offline=true", "--threshold=20")])
def test_systemd_takes_the_unit(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    unit = tmp_path / "limpet.service"
    unit.write_text(UNIT.read_text().replace("/opt/limpet/bin/limpet", "/bin/true"))  # it has to be there
    told = subprocess.run(
        ["systemd-analyze", "--no-pager", *arguments, str(unit)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    assert "limpet.service:" not in told.stderr, "a complaint of an option"


def test_systemd_waits_longer_than_limpet_takes_to_end() -> None:
    waits = re.search(r"^TimeoutStopSec=(\d+)$", UNIT.read_text(), re.M)
    assert waits
    assert int(waits[1]) > Timeouts().grace
