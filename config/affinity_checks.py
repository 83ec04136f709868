"""Affinity that cannot work: options without effect, cookies that browsers refuse, names that clash."""

from collections.abc import Iterator
from itertools import combinations

from config.problems import Found, KeyPath
from config.reach import Reach
from config.settings import Affinity, AffinityMode, Settings
from config.units import format_duration
from config.values import enumerated

ISSUE, WRAP, HASH = AffinityMode.ISSUE, AffinityMode.WRAP, AffinityMode.HASH
USED_BY = {
    "cookie": {ISSUE, WRAP, HASH},
    "header": {WRAP, HASH},
    "idle": {ISSUE, WRAP},
    "lifetime": {ISSUE, WRAP},
    "same_site": {ISSUE},
    "secure": {ISSUE},
    "max_age": {ISSUE},
    "domain": {ISSUE},
    "set_token": {ISSUE},
}


def affinity_problems(settings: Settings, name: str, affinity: Affinity) -> Iterator[Found]:
    """What is wrong with one service's affinity."""
    here: KeyPath = ("services", name, "affinity")
    for key, message in (
        *mode_problems(affinity),
        *cookie_problems(affinity),
        *domain_problems(settings, name),
    ):
        yield Found(
            (*here, key) if key else here, message, (here, ("routes",)) if key == "domain" else (here,)
        )


def mode_problems(affinity: Affinity) -> Iterator[tuple[str, str]]:
    """Options that the mode does not use, or lacks; each as its key and what is wrong."""
    mode = affinity.mode
    for option in affinity.model_fields_set & USED_BY.keys():
        modes = USED_BY[option]
        if mode not in modes and getattr(affinity, option) is not None:
            words = enumerated(tuple(each for each in AffinityMode if each in modes))
            yield option, f"has no effect with mode `{mode}`, only with {words}: leave it out"
    if mode in (WRAP, HASH) and bool(affinity.cookie) == bool(affinity.header):
        got = "both are given" if affinity.cookie else "none is given"
        yield "", f"must name either a `cookie` or a `header` with mode `{mode}`: {got}"
    if mode is WRAP and affinity.header and "idle" in affinity.model_fields_set:
        yield (
            "idle",
            "has no effect on a header: clients keep its value as it is, so that only `lifetime` counts",
        )


def cookie_problems(affinity: Affinity) -> Iterator[tuple[str, str]]:
    """Attributes with which browsers would refuse Limpet's cookie (RFC 6265bis sections 4.1.2.7, 4.1.3)."""
    if affinity.mode is not ISSUE:
        return
    prefix = (affinity.cookie or "").lower()
    if affinity.secure == "never":
        if affinity.same_site == "none":
            yield "secure", "must not be `never` with `same_site: none`: browsers would refuse the cookie"
        if prefix.startswith(("__host-", "__secure-")):
            yield (
                "secure",
                f"must not be `never` with a cookie called `{affinity.cookie}`: browsers would refuse it",
            )
    if affinity.domain and prefix.startswith("__host-"):
        yield (
            "domain",
            f"must not be given with a cookie called `{affinity.cookie}`: browsers would refuse it",
        )
    if affinity.max_age is not None and affinity.max_age < affinity.idle:
        idle = format_duration(affinity.idle)
        yield (
            "max_age",
            f"must not be less than `idle`, {idle}: browsers would forget sessions that still count",
        )


def domain_problems(settings: Settings, name: str) -> Iterator[tuple[str, str]]:
    """A `domain` that is not that of the hosts on which the cookie would be set (RFC 6265 section 5.3)."""
    domain = settings.services[name].affinity.domain
    hosts = {route.host for route in settings.routes if route.service == name} - {"*"}
    outside = sorted(
        host for host in hosts if domain and not f".{host.removeprefix('*.')}".endswith(f".{domain}")
    )
    if outside:
        yield (
            "domain",
            f"must be the domain of all the service's hosts: browsers would refuse it on `{outside[0]}`",
        )


def cookie_clashes(settings: Settings) -> Iterator[Found]:
    """Two services that one browser would visit with the same cookie: each would undo what the other set."""
    told: set[tuple[str, str]] = set()
    for host, names in Reach(settings).by_host():
        for first, second in combinations(names, 2):
            one, other = settings.services[first].affinity, settings.services[second].affinity
            name = token_cookie(first, one)
            clash = name and name == token_cookie(second, other) and {one.mode, other.mode} != {HASH}
            if clash and (first, second) not in told:
                told.add((first, second))
                here: KeyPath = ("services", second, "affinity")
                depends = (("routes",), ("services", first, "affinity"), here)
                yield Found(
                    (*here, "cookie"),
                    f"`{name}` is the cookie of service `{first}` too, and a browser on host `{host}` reaches"
                    " both: each would undo what the other set",
                    depends,
                )


def token_cookie(service: str, affinity: Affinity) -> str | None:
    """The cookie from which a service's sessions are known."""
    if affinity.mode is ISSUE:
        return affinity.cookie or f"limpet_{service}"
    return None if affinity.mode is AffinityMode.NONE else affinity.cookie
