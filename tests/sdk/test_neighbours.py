"""Processes notice each other where they serve at one address, and only there."""

import secrets
import subprocess
import sys

import pytest

from limpet_session.neighbours import alone_at

ASK = "import sys; from limpet_session.neighbours import alone_at; print(alone_at(eval(sys.argv[1])))"


def another_says(address: object) -> str:
    """What a process of its own says of the address."""
    command = [sys.executable, "-c", ASK, repr(address)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has names that end with their process")
@pytest.mark.parametrize("length", [8, 100])
def test_a_second_process_at_an_address_is_not_alone(length: int) -> None:
    address = (f"/run/{secrets.token_hex(length // 2)}", None)
    assert alone_at(address)
    assert alone_at(address)
    assert another_says(address) == "False"
    assert another_says((secrets.token_hex(8), None)) == "True"


@pytest.mark.parametrize("address", [None, ""])
def test_where_the_address_is_not_told_nobody_is_taken_for_a_neighbour(address: object) -> None:
    assert alone_at(address)
    assert another_says(address) == "True"


def test_a_process_that_has_asked_ends_without_a_warning() -> None:
    command = [sys.executable, "-W", "error", "-X", "dev", "-c", ASK, repr(secrets.token_hex(8))]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (said.stdout, said.stderr) == ("True\n", "")
