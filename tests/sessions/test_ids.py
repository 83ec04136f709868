import re

import pytest

from sessions.ids import id_bytes, id_text, new_id


def test_an_id_is_22_characters_of_base64url() -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{22}", new_id())


def test_no_two_ids_are_alike() -> None:
    assert len({new_id() for _ in range(10_000)}) == 10_000


def test_an_id_and_its_bytes_stand_for_each_other() -> None:
    for raw in (bytes(16), b"\xff" * 16, bytes(range(16)), b"\xfb\xef\xbe" * 5 + b"\xfb"):
        assert id_bytes(id_text(raw)) == raw


@pytest.mark.parametrize(
    "text", ["", "A" * 18, "A" * 21, "A" * 23, "A" * 24, "A" * 21 + "!", "A" * 21 + "é", "A" * 2000]
)
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        id_bytes(text)
