"""What a process does otherwise that serves its clients together with others; and one that is alone."""

from typing import Protocol

from control.cluster import Watch
from control.keeping import Kept
from proxy.service import Service
from routing.health import ServiceHealth


class Seat(Protocol):
    """`leads`: whether this process probes, compares lists and tells of what happens.

    Nothing here fails but `allot`, which is asked before anything has changed.
    """

    leads: bool

    def allot(self, service: str, nodes: int) -> None:
        """Have room for so many nodes. Raises OSError."""

    def watch(self, health: ServiceHealth) -> Watch:
        """Who keeps a service's health."""

    def count(self, service: Service) -> None:
        """Count where others see it; to be called when a service is new or has changed."""

    def inform(self, watch: Watch) -> None:
        """Tell of what others know of its nodes; to be called when a service is new or has changed."""

    def listen(self, service: Service, kept: Kept | None) -> None:
        """Hear of its sessions that move or are lost, and know on which of them nodes work for others.

        `kept`: by the session contract.
        """


class Alone:
    """The only process."""

    leads = True

    def allot(self, service: str, nodes: int) -> None:
        pass

    def watch(self, health: ServiceHealth) -> Watch:
        return Watch(health)

    def count(self, service: Service) -> None:
        pass

    def inform(self, watch: Watch) -> None:
        pass

    def listen(self, service: Service, kept: Kept | None) -> None:
        pass
