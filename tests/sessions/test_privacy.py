import re

from sessions.privacy import Pseudonyms

ID = "AAECAwQFBgcICQoLDA0ODw"


def test_a_session_has_one_name_in_all_logs_of_one_secret() -> None:
    name = Pseudonyms(b"a" * 16).session_hash(ID)
    assert re.fullmatch(r"[0-9a-f]{16}", name)
    assert name == Pseudonyms(b"a" * 16).session_hash(ID)


def test_without_the_secret_the_name_is_another() -> None:
    assert Pseudonyms(b"a" * 16).session_hash(ID) != Pseudonyms(b"b" * 16).session_hash(ID)


def test_two_sessions_have_two_names() -> None:
    names = Pseudonyms(b"a" * 16)
    assert len({names.session_hash(str(n)) for n in range(1000)}) == 1000


def test_foreign_keys_have_names_and_no_session_has_none() -> None:
    names = Pseudonyms(b"a" * 16)
    assert names.session_hash(bytes(range(256)).decode("latin-1"))
    assert names.session_hash("") == ""
