"""Nodes that were taken out of the configuration: when nothing is left of one, and when its slot is free."""

import time
from collections.abc import Callable, Mapping, Sequence

from config.settings import Service as ServiceSettings
from control.cluster import Watch
from control.keeping import Kept
from control.slots import Slot
from proxy.service import Service
from routing.states import Membership, NodeState

REST_SECONDS = 120.0  # until the slot of a node that is gone is free: whoever knew it has forgotten it then

Place = tuple[str, int]  # a service's name, and a slot of it


class Departures:
    """Of all services. `now`: monotonic seconds."""

    def __init__(
        self,
        services: Mapping[str, Service],
        watches: Mapping[str, Watch],
        kept: Mapping[str, Kept],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._services = services
        self._watches = watches
        self._kept = kept
        self._now = now
        self._since: dict[Place, tuple[Membership, float]] = {}

    def note(self, service: str, index: int, membership: Membership) -> None:
        """What a slot's node is from now on."""
        place = service, index
        if membership is Membership.MEMBER:
            self._since.pop(place, None)
        elif self._since.get(place, (None, 0.0))[0] is not membership:
            self._since[place] = membership, self._now()

    def forget(self, service: str) -> None:
        """The whole service is no more."""
        for place in [place for place in self._since if place[0] == service]:
            del self._since[place]

    def departed(self, settings: ServiceSettings, slots: Sequence[Slot], name: str) -> set[int]:
        """The slots of leaving nodes of which nothing is left."""
        return {
            index
            for index, slot in enumerate(slots)
            if slot.membership is Membership.LEAVING and self._empty(settings, name, index)
        }

    def free(self, service: str) -> set[int]:
        """The slots that another node may have."""
        now = self._now()
        return {
            index
            for (name, index), (membership, since) in self._since.items()
            if name == service and membership is Membership.GONE and now - since >= REST_SECONDS
            if not self._services[service].everywhere[index]
        }

    def _empty(self, settings: ServiceSettings, name: str, index: int) -> bool:
        """Whether a node has no requests, and no sessions that others do not have.

        One that is down for as long as `give_up` is not waited for, nor one whose sessions have all expired.
        Without the contract, one that is no longer found keeps the sessions that are used.
        """
        kept = self._kept.get(name)
        if self._services[name].everywhere[index]:
            return False
        if kept is None:
            if settings.discover is None or not self._services[name].nodes[index].sightings.count():
                return True
        elif kept.reconciler.left.get(index) == 0:
            return True
        health, now = self._watches[name].health.nodes[index], self._now()
        lost = health.state is NodeState.DOWN and now - health.away_since >= settings.sessions.give_up
        return lost or now - self._since[name, index][1] >= settings.state_ttl
