"""The secret that Limpet keeps for itself: made once, whole, for its owner only."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from control.own_secret import SHORTEST, SecretError, _make, own_secret


def test_made_once_and_kept(tmp_path: Path) -> None:
    first, path = own_secret(tmp_path)
    assert len(first) >= 32
    assert own_secret(tmp_path) == (first, path)


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        _, path = own_secret(tmp_path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_proxies_that_start_at_once_agree(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(lambda _: own_secret(tmp_path)[0], range(64)))
    assert len(set(made)) == 1
    assert [path.name for path in (tmp_path / ".limpet").iterdir()] == ["secret"]


def test_who_comes_second_takes_what_is_there(tmp_path: Path) -> None:
    first, path = own_secret(tmp_path)
    _make(path)
    assert own_secret(tmp_path)[0] == first


def test_one_that_others_can_read_is_refused(tmp_path: Path) -> None:
    _, path = own_secret(tmp_path)
    path.chmod(0o644)
    with pytest.raises(SecretError, match="chmod 600"):
        own_secret(tmp_path)


def test_a_short_one_is_refused(tmp_path: Path) -> None:
    _, path = own_secret(tmp_path)
    path.write_text("x" * (SHORTEST - 1))
    with pytest.raises(SecretError, match="at least 16 bytes"):
        own_secret(tmp_path)


def test_where_nothing_can_be_written_it_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / ".limpet").write_text("a file in the way")
    with pytest.raises(SecretError, match="give `secrets`"):
        own_secret(tmp_path)
