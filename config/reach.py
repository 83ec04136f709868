"""Which services the routes lead to from which host, as the route table reads them."""

from collections import defaultdict
from collections.abc import Iterator

from config.settings import Settings

UNNAMED = "any-other-host"  # stands for the hosts that only `*` fits


class Reach:
    """The routes by host."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._services: dict[str, set[str]] = defaultdict(set)
        self._complete: set[str] = set()  # the patterns whose routes leave no path to less specific ones
        for route in settings.routes:
            self._services[route.host].add(route.service)
            if route.path == "/":
                self._complete.add(route.host)

    def from_host(self, host: str) -> set[str]:
        """The services that some path of the host leads to; of a file without routes, all."""
        if not self._settings.routes:
            return set(self._settings.services)
        names: set[str] = set()
        for pattern in patterns(host):
            names |= self._services.get(pattern, set())
            if pattern in self._complete:
                break
        return names & self._settings.services.keys()

    def from_anywhere(self) -> set[str]:
        """The services that some request gets to."""
        hosts = {pattern.replace("*", UNNAMED) for pattern in self._services} | {UNNAMED}
        return set().union(*map(self.from_host, hosts))

    def by_host(self) -> Iterator[tuple[str, list[str]]]:
        """The services whose cookies a browser may hold for one host, for each kind of host in the file.

        Those are the services that the host's routes lead to, and those whose cookie's domain it is under.
        """
        services = self._settings.services
        domains = {name: each.affinity.domain for name, each in services.items() if each.affinity.domain}
        for pattern in sorted({"*", *self._services, *(f"*.{domain}" for domain in domains.values())}):
            host = pattern.replace("*", UNNAMED)
            under = {name for name, domain in domains.items() if f".{host}".endswith(f".{domain}")}
            names = self.from_host(host) | under
            yield pattern, [name for name in services if name in names]


def patterns(host: str) -> Iterator[str]:
    """What fits a host: itself, then wildcards from the longest to the shortest, then `*`."""
    yield host
    rest = host.partition(".")[2]
    while rest:
        yield f"*.{rest}"
        rest = rest.partition(".")[2]
    yield "*"
