"""Cases of a request that is still running when its session goes: what it writes then must not count."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from control.conformance.app_cases import begun, given, served
from control.conformance.subject import Reply, Skipped, Subject, must, number, status
from sessions.ids import new_id

HEADSTART_SECONDS = 0.1  # after which the request is in the app


def fenced(subject: Subject) -> None:
    """A fence's answer has all that a request was told is saved; what is saved later is discarded."""
    name = new_id()
    version = begun(subject, name).number()
    reply, held = _meanwhile(
        subject, name, version, lambda: subject.fence(name, number(), "a fence while a request runs")
    )
    status(held, 200)
    if reply.status == 503:
        must(held.number() == version, f"{held.when}: Limpet-Version must be {version}, for no write counted")
        _discarded(reply)
    else:
        served(reply)
        must(
            held.number() == reply.number(),
            f"{reply.when}: was told version {reply.number()}, which the fence does not know: it is lost",
        )


def ended(subject: Subject) -> None:
    """A write of a session that has ended meanwhile is discarded: 503, and the end stays."""
    name = new_id()
    version = begun(subject, name).number()
    reply, gone = _meanwhile(
        subject,
        name,
        version,
        lambda: subject.call("DELETE", f"/{name}", "DELETE while a request runs", TTL=60),
    )
    status(gone, 204)
    _discarded(reply)
    status(subject.get(name, "GET after it"), 410)


def _meanwhile(subject: Subject, name: str, version: int, call: Callable[[], Reply]) -> tuple[Reply, Reply]:
    """What a slow request and a call made while it runs are answered."""
    route = given(subject.paths.slow, "--slow")
    with ThreadPoolExecutor(1) as thread:
        request = thread.submit(subject.app, route, name, version, "a slow request that writes")
        time.sleep(HEADSTART_SECONDS)  # nothing tells from outside that the app has begun
        if request.done():
            raise Skipped("--slow must take half a second or more")
        answer = call()
        return request.result(), answer


def _discarded(reply: Reply) -> None:
    """503, and not 409: the app has run."""
    status(reply, 503)
    need = reply.field("Limpet-Need")
    must(need == "state", f"{reply.when}: Limpet-Need must be `state`, not `{need}`")
    reply.number()
