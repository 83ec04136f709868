"""Discovery that cannot work: nowhere to look, or options that would have no effect."""

from collections.abc import Iterator

from config.discovery_settings import Discover
from config.problems import Found, KeyPath
from config.settings import Service
from config.units import format_duration
from config.values import enumerated

SOURCES = ("dns", "srv", "files")
USED_BY = {
    "port": {"dns", "files"},
    "family": {"dns", "srv"},
    "resolvers": {"dns", "srv"},
    "at_least": {"dns", "srv"},
    "at_most": {"dns", "srv"},
}


def discovery_problems(service_path: KeyPath, service: Service) -> Iterator[Found]:
    """What is wrong with where one service's nodes are found."""
    here, nodes = (*service_path, "discover"), (*service_path, "nodes")
    discover = service.discover
    if discover is None:
        if not service.nodes:
            yield Found(
                nodes, "is missing: give the app servers, or `discover` to have them found", (here, nodes)
            )
        return
    for key, message in option_problems(discover):
        yield Found((*here, key) if key else here, message, (here,))
    for key, message in service_problems(service, discover):
        yield Found((*here, key) if key else here, message, (here, service_path))


def option_problems(discover: Discover) -> Iterator[tuple[str, str]]:
    """Options that contradict each other; each as its key and what is wrong."""
    given = [source for source in SOURCES if getattr(discover, source)]
    if len(given) != 1:
        got = f"{enumerated(tuple(given), 'and')} are given" if given else "none is given"
        yield "", f"must have one of {enumerated(SOURCES)}: {got}"
        return
    source = given[0]
    for option in sorted(discover.model_fields_set & USED_BY.keys()):
        users = USED_BY[option]
        if source not in users:
            words = enumerated(tuple(each for each in SOURCES if each in users))
            yield option, f"has no effect with `{source}`, only with {words}: leave it out"
    if source == "dns" and discover.port is None:
        yield "port", "is missing: addresses in DNS have no ports"
    if source == "srv" and discover.family == "all":
        yield "family", "must not be `all` with `srv`: each record is one node, at one address"
    if discover.at_most < discover.at_least:
        yield "at_most", f"must not be less than `at_least`, {format_duration(discover.at_least)}"
    if discover.sessions_port is not None and discover.sessions_port == discover.port:
        yield "sessions_port", "is the nodes' `port`: leave it out"


def service_problems(service: Service, discover: Discover) -> Iterator[tuple[str, str]]:
    """What does not fit the rest of the service."""
    if discover.sessions_port is not None and not service.sessions.uses_contract:
        yield "sessions_port", "has no effect: the service does not use the session contract; leave it out"
    by_address = discover.scheme == "https" and not discover.files
    if by_address and service.tls.verify and not service.tls.server_name:
        message = "needs `tls.server_name`: nodes are reached by address, and certificates hold names"
        yield "scheme", message
    if service.send_proxy is None:
        return
    if discover.scheme == "https":
        yield "scheme", "must be `http` with `send_proxy`"
    if service.sessions.uses_contract and discover.sessions_port is None:
        message = "is missing: with `send_proxy` the session contract needs a port of its own"
        yield "sessions_port", message
