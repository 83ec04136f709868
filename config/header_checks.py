"""Header fields that the operator cannot have, because the message or the session hangs on them."""

from collections.abc import Iterator

from config.problems import Found, KeyPath
from config.settings import HeaderEdit, Settings

FRAMING = {
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}
SESSION = {"cookie", "set-cookie"}
OWN = {"forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"}


def plain(name: str) -> str:
    """A field's name as app servers compare it: WSGI and CGI map `_` and `-` to the same."""
    return name.lower().replace("_", "-")


def objection(name: str) -> str | None:
    """Why a field is not the operator's to name, if it is not."""
    name = plain(name)
    if name in FRAMING:
        return "Limpet writes it itself from what it understood of the message"
    if name in SESSION:
        return "sessions hang on it"
    if name in OWN:
        return "`forwarded` says what it holds"
    if name.startswith(("client-cert", "x-client-cert")):
        return "nodes believe it about a client's certificate"
    return "names with `Limpet-` are Limpet's own" if name.startswith("limpet-") else None


def header_problems(settings: Settings) -> Iterator[Found]:
    for name, service in settings.services.items():
        header = service.affinity.header
        if header and (why := objection(header)) and plain(header) not in OWN | {"host"}:
            here: KeyPath = ("services", name, "affinity", "header")
            yield Found(here, f"must not be `{header}`: {why}")
    request_id = settings.forwarded.request_id
    if request_id and (why := objection(request_id)):
        yield Found(("forwarded", "request_id"), f"must not be `{request_id}`: {why}")
    for index, route in enumerate(settings.routes):
        for key, edit in (
            ("request_headers", route.request_headers),
            ("response_headers", route.response_headers),
        ):
            yield from edit_problems(("routes", index, key), edit, settings, route.service)


def edit_problems(here: KeyPath, edit: HeaderEdit, settings: Settings, service: str) -> Iterator[Found]:
    """Fields that a route must not touch, and those that it names twice."""
    reasons = {}
    if settings.forwarded.request_id:
        reasons[plain(settings.forwarded.request_id)] = "it carries the request's id (`forwarded.request_id`)"
    if service in settings.services and (header := settings.services[service].affinity.header):
        reasons[plain(header)] = "the service's sessions hang on it (`affinity.header`)"
    seen: set[str] = set()
    steps: list[tuple[str, str | int]] = [(name, name) for name in edit.set]
    steps += [(name, index) for index, name in enumerate(edit.remove)]
    for name, step in steps:
        path = (*here, "set" if isinstance(step, str) else "remove", step)
        if why := objection(name) or reasons.get(plain(name)):
            yield Found(
                path, f"must not touch `{name}`: {why}", (("forwarded", "request_id"), ("services", service))
            )
        elif plain(name) in seen:
            yield Found(
                path, f"names `{name}` a second time (`_` counts as `-`, and case does not count)", (here,)
            )
        seen.add(plain(name))
