"""What the settings on sessions come to."""

import pytest

from config.session_settings import Strategy
from config.settings import Service, Settings
from tests.config.files import Loader, contract

pytestmark = pytest.mark.usefixtures("contract_ready")


def shop(loader: Loader, options: str, nodes: int = 3) -> Service:
    settings: Settings = loader.settings(contract(options, nodes))
    return settings.services["shop"]


@pytest.mark.parametrize(
    ("options", "strategy", "speaks", "copies", "stores"),
    [
        ("", Strategy.AFFINITY, False, 0, ()),
        ("contract: true", Strategy.AFFINITY, True, 0, ()),
        ("strategy: replication", Strategy.REPLICATION, True, 1, ()),
        ("strategy: replication, replicas: 2, fallback: local", Strategy.REPLICATION, True, 2, ("local",)),
        ("strategy: replication, replicas: all", Strategy.REPLICATION, True, 3, ()),
        ("strategy: store, store: main", Strategy.STORE, True, 0, ("main",)),
    ],
)
def test_a_strategy_says_who_holds_what(
    loader: Loader, options: str, strategy: Strategy, speaks: bool, copies: int, stores: tuple[str, ...]
) -> None:
    service = shop(loader, f"sessions: {{{options}}}", nodes=4)
    assert service.sessions.strategy is strategy
    assert (service.sessions.uses_contract, service.copies, service.sessions.stores) == (
        speaks,
        copies,
        stores,
    )


@pytest.mark.parametrize(
    ("affinity", "seconds"),
    [("", 2025 + 60), ("idle: 80s", 90 + 60), ("idle: 1s", 2 + 60), ("idle: 2h, lifetime: 80s", 90 + 60)],
)
def test_state_outlives_the_token_that_leads_to_it(loader: Loader, affinity: str, seconds: int) -> None:
    assert shop(loader, f"affinity: {{{affinity}}}").state_ttl == seconds


def test_values_may_come_from_the_environment(loader: Loader) -> None:
    text = contract("sessions: {strategy: replication, replicas: '${R}', ack_timeout: '${T}'}")
    sessions = loader.settings(text, {"R": "2", "T": "500ms"}).services["shop"].sessions
    assert (sessions.replicas, sessions.ack_timeout) == (2, 0.5)
    assert loader.settings(text, {"R": "all", "T": "1s"}).services["shop"].copies == 2
