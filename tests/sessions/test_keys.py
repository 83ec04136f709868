from itertools import combinations

from sessions.keys import derive


def test_each_secret_and_purpose_has_a_key_of_its_own() -> None:
    pairs = [
        (b"secret one", "log"),
        (b"secret one", "token/shop"),
        (b"secret one", "node/shop"),
        (b"two", "log"),
    ]
    keys = [derive(secret, purpose) for secret, purpose in pairs]
    assert all(a != b for a, b in combinations(keys, 2))
    assert {len(key) for key in keys} == {32}


def test_a_key_is_the_same_in_every_proxy() -> None:
    """A changed derivation would log everybody out on an upgrade."""
    assert derive(b"k" * 32, "log").hex() == (
        "807deaaab77ad1abff044387caa4f14b0090d263cdb006dcdacf0f3ca50a2b4c"
    )
