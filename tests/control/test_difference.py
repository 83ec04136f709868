"""`limpet check --diff`: what a reload would change, and whose sessions it would move."""

from typing import Any

from config.flat import disguise, flat
from config.settings import Settings
from control.difference import Difference, difference, lines

NONCE = b"n" * 16
SECRETS = ["the secret of the tests", "an older secret, long enough"]


def settings(names: str = "abc", secrets: list[str] = SECRETS, **options: Any) -> Settings:
    nodes = [{"name": name, "url": f"http://127.0.0.1:{9001 + ord(name)}"} for name in names]
    listed = {"nodes": nodes} if nodes else {}
    return Settings.model_validate({"secrets": secrets, "services": {"shop": {**listed, **options}}})


def fact(node: str, sessions: int, contract: bool = True) -> dict[str, Any]:
    served = sessions if contract else None
    return {"service": "shop", "node": node, "sessions": 7, "sessions_served": served, "contract": contract}


def compared(before: Settings, after: Settings, contract: bool = True) -> Difference:
    running = {"nonce": NONCE.hex(), "settings": flat(before, disguise(NONCE))}
    return difference(running, [fact(name, 10 * (i + 1), contract) for i, name in enumerate("abc")], after)


def test_the_same_file_changes_nothing() -> None:
    found = compared(settings(), settings())
    assert found["changes"] == []
    assert lines(found) == ["nothing would change", "shop: no session would move, of 60"]


def test_a_node_that_leaves_moves_its_own_sessions() -> None:
    replicated = {"sessions": {"strategy": "replication"}}
    found = compared(settings(**replicated), settings("acd", **replicated))
    (moves,) = found["services"]
    assert (moves["sessions"], moves["moving"], moves["lost"]) == (60, 20, 0)
    assert 0.2 < moves["elsewhere"] < 0.7
    said = lines(found)
    assert "shop: b would leave, with 20 sessions" in said
    assert "shop: 20 of 60 sessions would move, with their state" in said
    assert "- services.shop.nodes[b].weight: 1" in said
    assert "+ services.shop.nodes[d].url: http://127.0.0.1:9101" in said


def test_without_the_contract_they_lose_it() -> None:
    (moves,) = compared(settings(), settings("ac"), contract=False)["services"]
    assert (moves["sessions"], moves["moving"], moves["lost"]) == (21, 7, 7)


def test_a_new_node_moves_nobody() -> None:
    found = compared(settings(), settings("abcd"))
    assert "shop: no session would move, of 60" in lines(found)
    assert 0.15 < found["services"][0]["elsewhere"] < 0.35  # its share of the ring: a quarter


def test_secrets_show_only_whether_they_are_others() -> None:
    found = compared(settings(), settings(secrets=["a newer secret, long enough", *SECRETS]))
    assert [change["key"] for change in found["changes"]] == ["secrets[0]", "secrets[1]", "secrets[2]"]
    assert found["services"][0]["moving"] == 0
    assert not any(secret in str(found) for secret in SECRETS)
    (moves,) = compared(settings(), settings(secrets=SECRETS[1:]))["services"]
    assert moves["lost"] == 60


def test_another_cookie_makes_strangers_of_everybody() -> None:
    (moves,) = compared(settings(), settings(affinity={"cookie": "place"}))["services"]
    assert moves["lost"] == 60
    assert "`affinity.cookie` would change" in moves["why"][0]
    assert compared(settings(), settings(affinity={"cookie": "limpet_shop"}))["services"][0]["moving"] == 0


def test_hashed_sessions_go_where_the_ring_says() -> None:
    hashed = {"affinity": {"mode": "hash", "header": "X-User"}}
    (moves,) = compared(settings(**hashed), settings("abcd", **hashed))["services"]
    assert 60 * 0.15 < moves["moving"] < 60 * 0.35


def test_secrets_in_headers_and_urls_are_hidden() -> None:
    routes = [{"service": "shop", "request_headers": {"set": {"Authorization": "Basic aGVsbG8="}}}]
    stores = {"main": {"redis": "redis://:password@127.0.0.1:6379/0"}}
    nodes = [{"name": "a", "url": "http://127.0.0.1:9001"}]
    services = {"shop": {"nodes": nodes}}
    read = Settings.model_validate({"routes": routes, "stores": stores, "services": services})
    shown = flat(read, disguise(NONCE))
    assert not any(word in str(shown) for word in ("password", "aGVsbG8="))
    assert shown["routes[0].request_headers.set.Authorization"].startswith("secret ")


def found_in(source: str, names: str) -> Settings:
    """As the settings are when these nodes were found."""
    return settings(names, discover={"dns": source, "port": 80})


def test_nodes_that_were_found_count_as_those_of_the_file() -> None:
    found = compared(found_in("app", "abc"), found_in("app", "abd"))
    assert "shop: c would leave, with 30 sessions" in lines(found)


def test_nodes_that_cannot_be_looked_for_from_here_are_taken_to_stay() -> None:
    before = found_in("app", "abc")
    running = {"nonce": NONCE.hex(), "settings": flat(before, disguise(NONCE))}
    nodes = [fact(name, 10) for name in "abc"]
    found = difference(running, nodes, settings("", discover={"dns": "other", "port": 80}), {"shop"})
    assert [change["key"] for change in found["changes"]] == ["services.shop.discover.dns"]
    assert [found["services"][0][key] for key in ("moving", "elsewhere")] == [0, 0.0]
