"""Advice on certificates: those that end soon, and those that nobody is ever shown."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from config.certificates import CertificateError, Facts, check_pair
from config.listener_settings import Certificate
from config.problems import Found, KeyPath
from config.settings import Settings

SOON = timedelta(days=14)  # who renews by a machine does so with a third of the time left, of 90 days mostly


def certificate_advice(settings: Settings, now: datetime | None = None) -> Iterator[Found]:
    """Of listeners, and of what Limpet shows to nodes. Files that cannot be used are told of elsewhere."""
    now = now or datetime.now(UTC)
    for index, listener in enumerate(settings.listen):
        if listener.tls is None:
            continue
        here: KeyPath = ("listen", index, "tls", "certificates")
        seen: set[tuple[str, str]] = set()
        for number, pair in enumerate(listener.tls.certificates):
            facts = _facts(pair)
            if facts is None:
                continue
            there = (*here, number, "cert")
            yield from _ends_soon(there, facts, now)
            shown = {(name, facts.kind) for name in facts.names}
            if number and shown <= seen:
                message = f"never shown: those before it have all of its names, with {facts.kind} keys, too"
                yield Found(there, message)
            seen |= shown
    for name, service in settings.services.items():
        if service.tls.cert is not None:
            pair = Certificate.model_construct(cert=service.tls.cert, key=service.tls.key)
            if (facts := _facts(pair)) is not None:
                yield from _ends_soon(("services", name, "tls", "cert"), facts, now)


def _facts(pair: Certificate) -> Facts | None:
    try:
        return check_pair(*pair.files)
    except CertificateError:
        return None


def _ends_soon(here: KeyPath, facts: Facts, now: datetime) -> Iterator[Found]:
    left = facts.not_after - now
    if left < SOON:
        yield Found(here, f"expires on {facts.not_after:%Y-%m-%d}, in {max(left.days, 0)} days: renew it")
