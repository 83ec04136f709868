"""Secrets never show."""

import pickle

import pytest

from config.secret import Secret, parse_node_key
from config.values import Refused

WORDS = "correct horse battery staple"


def test_a_secret_gives_its_bytes_and_shows_nothing() -> None:
    secret = Secret.parse(WORDS)
    assert secret.encode() == WORDS.encode()
    for shown in (repr(secret), str(secret), f"{secret}", f"{[secret]}"):
        assert "horse" not in shown
        assert "***" in shown


def test_equal_secrets_are_equal() -> None:
    assert Secret(WORDS) == Secret(WORDS) != Secret(WORDS + "!")
    assert len({Secret(WORDS), Secret(WORDS)}) == 1
    assert Secret(WORDS) != WORDS


@pytest.mark.parametrize("value", ["hunter2hunter2h", "", 1234567890123456789, None, ["hunter2" * 5], True])
def test_a_short_secret_is_refused_without_showing_it(value: object) -> None:
    with pytest.raises(Refused) as refusal:
        Secret.parse(value)
    assert not refusal.value.quoted
    assert "at least 16 bytes" in refusal.value.allowed
    assert "hunter2" not in refusal.value.allowed
    assert "12345" not in refusal.value.allowed


def test_length_counts_in_bytes() -> None:
    assert Secret.parse("é" * 8).encode() == ("é" * 8).encode()
    with pytest.raises(Refused, match="not 14"):
        Secret.parse("é" * 7)


def test_a_secret_survives_pickling() -> None:
    assert pickle.loads(pickle.dumps(Secret(WORDS))) == Secret(WORDS)


def test_a_key_of_nodes_is_a_secret_that_a_header_can_carry() -> None:
    assert parse_node_key("correct-horse-battery!") == Secret("correct-horse-battery!")
    for value in (WORDS, "correct-horse-battery\r\n", "correct\thorse-battery", "é" * 16, "hunter2"):
        with pytest.raises(Refused, match=r"visible ASCII without spaces|at least 16 bytes") as refusal:
            parse_node_key(value)
        assert not refusal.value.quoted
        assert value not in refusal.value.allowed
