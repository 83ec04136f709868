"""One search per session."""

from sessions.contract.flights import Flights
from sessions.contract.headers import Handover
from sessions.contract.searching import Around, Found, Rules, Search, Where

NOWHERE = Around((0,), frozenset(), frozenset(), frozenset(), -1)


def search() -> Search:
    return Search(Rules(1, False, 1), NOWHERE, 0, 5, lambda: 0)


def test_the_first_leads_and_the_others_wait_for_its_end() -> None:
    flights: Flights[str] = Flights()
    led = flights.join("id", 5, "leader", search)
    assert led is not None
    assert flights.join("id", 9, "second", search) is None
    assert flights.join("id", 3, "third", search) is None
    assert led.expected == 9
    assert flights.searched("id", Found(Where.ENDED)) == ["second", "third"]
    assert len(flights) == 0


def test_a_takeover_is_waited_for_by_late_comers_too() -> None:
    flights: Flights[str] = Flights()
    flights.join("id", 5, "leader", search)
    flights.join("id", 5, "second", search)
    assert flights.searched("id", Found(Where.TAKEOVER, 1, 5, Handover(1 << 32))) == []
    assert flights.join("id", 5, "third", search) is None
    assert flights.arrived("id") == ["second", "third"]
    assert flights.arrived("id") == []
    assert flights.join("id", 5, "fourth", search) is not None


def test_one_whose_client_has_gone_is_not_told() -> None:
    flights: Flights[str] = Flights()
    flights.join("id", 5, "leader", search)
    flights.join("id", 5, "second", search)
    flights.withdraw("id", "second")
    flights.withdraw("id", "second")
    flights.withdraw("other", "second")
    assert flights.searched("id", Found(Where.ENDED)) == []


def test_there_is_a_most() -> None:
    flights: Flights[str] = Flights(most=1)
    assert not flights.full
    flights.join("id", 5, "leader", search)
    assert flights.full
