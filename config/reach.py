"""Which services the routes lead to from which host, as the route table reads them."""

from config.settings import Settings

UNNAMED = "any-other-host"  # stands for the hosts that only `*` fits


def reached_by_host(settings: Settings) -> dict[str, list[str]]:
    """The services whose cookies a browser may hold for one host, for each kind of host that the file knows.

    Those are the services that the host's routes lead to, and those whose cookie's domain it is under.
    """
    domains = {
        name: service.affinity.domain
        for name, service in settings.services.items()
        if service.affinity.domain
    }
    patterns = (
        {"*"} | {route.host for route in settings.routes} | {f"*.{domain}" for domain in domains.values()}
    )
    reached = {}
    for pattern in sorted(patterns):
        host = pattern.replace("*", UNNAMED)
        names = services_of_host(settings, host)
        under = [name for name, domain in domains.items() if f".{host}".endswith(f".{domain}")]
        reached[pattern] = [name for name in settings.services if name in names or name in under]
    return reached


def services_of_host(settings: Settings, host: str) -> set[str]:
    """The services that some path of the host leads to; of a file without routes, all."""
    if not settings.routes:
        return set(settings.services)
    names: set[str] = set()
    for pattern in sorted({route.host for route in settings.routes}, key=precedence):
        if fits(pattern, host):
            routes = [route for route in settings.routes if route.host == pattern]
            names |= {route.service for route in routes}
            if any(route.path == "/" for route in routes):
                break  # no path is left for patterns that fit less closely
    return names & settings.services.keys()


def reachable_services(settings: Settings) -> set[str]:
    """The services that some request gets to."""
    hosts = {route.host.replace("*", UNNAMED) for route in settings.routes} | {UNNAMED}
    return set().union(*(services_of_host(settings, host) for host in hosts))


def precedence(pattern: str) -> tuple[int, int]:
    """Exact hosts first, then wildcards, the longest first, then `*`."""
    return (2 if pattern == "*" else int(pattern.startswith("*.")), -len(pattern))


def fits(pattern: str, host: str) -> bool:
    return pattern in ("*", host) or (pattern.startswith("*.") and host.endswith(pattern[1:]))
