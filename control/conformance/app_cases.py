"""Cases of requests to the app: what is let in, what is told of it, what is refused before the app runs."""

import binascii

from control.conformance.subject import (
    Reply,
    Skipped,
    Subject,
    Wrong,
    listed_id,
    must,
    needs,
    number,
    refused,
    status,
)
from sessions.ids import id_bytes, id_text, new_id

NOWHERE = "/limpet-contract/there-is-no-such-page"
STATE = b"a copy that no app reads"


def new(subject: Subject) -> None:
    """A session begins, empty, at version 1."""
    name = new_id()
    reply = begun(subject, name)
    if reply.number() == 1:
        must(reply.field("Limpet-State") is None, f"{reply.when}: an empty session needs no Limpet-State")
    reads(subject, name, reply.number())
    held = subject.get(name, "GET of the new session")
    status(held, 200)
    must(held.field("Limpet-Serving") == "1", f"{held.when}: the node serves it, so Limpet-Serving must be 1")


def any_answer(subject: Subject) -> None:
    """Every answer has the version, also that of a page that is not there."""
    reply = subject.app(NOWHERE, new_id(), 0, "a request for a page that is not there")
    must(reply.field("Limpet-Version") is not None, f"{reply.when}: Limpet-Version is missing")


def lasting(subject: Subject) -> None:
    """Each request that is let in starts the TTL anew."""
    name = listed_id()
    version = begun(subject, name).number()
    served(subject.app(subject.paths.read, name, version, "a request with a longer TTL", TTL=600))
    ttl = subject.ttl(name)
    must(ttl > 60, f"a request with Limpet-TTL: 600: the session must be kept for 600 s then, not {ttl}")


def stranger(subject: Subject) -> None:
    """Without a right key the app runs without a session, and nothing is told."""
    name = new_id()
    reply = subject.app(
        subject.paths.read, name, 0, "a request with a wrong key", Key="guessed-and-wrong-key"
    )
    told = [field for field, _ in reply.fields if field.lower().startswith("limpet-")]
    must(not told, f"{reply.when}: must be answered without {', '.join(told)}")
    status(subject.get(name, "GET of its session"), 404)


def overtaken(subject: Subject) -> None:
    """A newer copy of a session that it serves: it serves that no more."""
    name = new_id()
    version = begun(subject, name).number()
    status(subject.put(name, version + 1, STATE, "PUT of a newer version of a session that is served"), 204)
    held = subject.get(name, "GET after that PUT")
    must(held.field("Limpet-Serving") is None, f"{held.when}: it must no longer be served")
    needs(subject.app(subject.paths.read, name, version, "a request after that PUT"), "state")


def need(subject: Subject) -> None:
    """An older version, nothing at all, or a mere copy is not enough."""
    name = new_id()
    version = begun(subject, name).number()
    reply = subject.app(subject.paths.read, name, version + 1000, "a request for a later version")
    needs(reply, "state")
    must(reply.number() == version, f"{reply.when}: Limpet-Version must be {version}, which it has")
    needs(subject.app(subject.paths.read, new_id(), 5, "a request for an unknown session"), "state")
    copy = new_id()
    subject.put(copy, 7, STATE, "PUT of a copy")
    needs(subject.app(subject.paths.read, copy, 7, "a request for a session of which it has a copy"), "state")


def lost(subject: Subject) -> None:
    """Version 0 and a number: a session begins again, above all that there was."""
    name, takeover = new_id(), number()
    reply = subject.app(subject.paths.read, name, 0, "a takeover of nothing", Takeover=takeover)
    served(reply)
    must(reply.number() >= takeover, f"{reply.when}: Limpet-Version must be at least {takeover}")


def refused_takeover(subject: Subject) -> None:
    """A number below the fence, or not above the version, or without the state that it is for."""
    name, fence = new_id(), number(2)
    version = begun(subject, name).number()
    needs(
        subject.app(subject.paths.read, name, version, "a takeover at its version", Takeover=version), "state"
    )
    subject.fence(name, fence, "fence")
    reply = subject.app(subject.paths.read, name, version, "a takeover below the fence", Takeover=number(1))
    needs(reply, "state")
    must(reply.number() == fence, f"{reply.when}: Limpet-Version must be the fence, {fence}")
    when = "a takeover below the fence, with a newer state"
    handed = {"State": packed(STATE), "Takeover": number(1)}
    needs(subject.app(subject.paths.read, name, version + 5, when, **handed), "state")
    held = subject.get(name, "GET after it")
    must(held.number() == version, f"{held.when}: a 409 must change nothing, and the version was {version}")
    when = "a takeover without the state"
    needs(subject.app(subject.paths.read, new_id(), 7, when, Takeover=number()), "state")


def fenced(subject: Subject) -> None:
    """After a fence the node serves the session no more; a takeover with that number brings it back."""
    name, fence = new_id(), number()
    version = begun(subject, name).number()
    status(subject.fence(name, fence, "fence of a session that is served"), 200)
    held = subject.get(name, "GET after the fence")
    must(held.field("Limpet-Serving") is None, f"{held.when}: it must no longer be served")
    needs(subject.app(subject.paths.read, name, version, "a request after the fence"), "state")
    reply = subject.app(subject.paths.read, name, version, "a takeover by that fence", Takeover=fence)
    served(reply)
    must(reply.number() >= fence, f"{reply.when}: Limpet-Version must be at least {fence}")
    unknown = new_id()
    subject.fence(unknown, fence, "fence of an unknown id")
    needs(subject.app(subject.paths.read, unknown, 0, "a new session behind a fence"), "state")


def dead_id(subject: Subject) -> None:
    """An id that has ended is not served again."""
    name = new_id()
    version = begun(subject, name).number()
    subject.call("DELETE", f"/{name}", "DELETE", TTL=60)
    needs(subject.app(subject.paths.read, name, version, "a request with an id that has ended"), "id")
    needs(subject.app(subject.paths.read, name, 0, "the same for version 0"), "id")


def bad_fields(subject: Subject) -> None:
    """Malformed fields get 400 with `Limpet-Version: 0`, and the app does not run."""
    name = new_id()
    bad: list[tuple[str, object]] = [("Version", "x"), ("Session", "short"), ("TTL", "0"), ("Takeover", "-1")]
    bad += [("State", "not base64"), ("Version", ["0", "0"]), ("Version", 1 << 53)]
    for field, value in bad:
        when = f"a request with Limpet-{field}: {value}"
        reply = subject.app(subject.paths.read, name, 0, when, **{field: value})
        status(reply, 400)
        must(reply.number() == 0, f"{when}: must be answered with Limpet-Version: 0")
    status(subject.get(name, "GET after bad requests"), 404)


def write(subject: Subject) -> None:
    """One version more for each write, with its state."""
    route, name = given(subject.paths.write, "--path"), new_id()
    first = wrote(subject, name, 0)
    version, state = first.number(), first.state()
    must(version == 2, f"{first.when}: the first write makes version 2, not {version}")
    if state is None:
        raise Wrong(f"{first.when}: Limpet-State is missing, or the state is above 4096 bytes")
    held = subject.get(name, "GET after the write")
    status(held, 200)
    must((held.body, held.number()) == (state, 2), f"{held.when}: must be what the response told")
    old = subject.app(subject.paths.read, name, 1, "a request with an older token")
    served(old)
    must(old.state() is not None, f"{old.when}: what it has seen is newer, so Limpet-State must be there")
    reads(subject, name, old.number())
    second = subject.app(route, name, old.number(), "the second write")
    served(second)
    told = second.number(), second.state() is not None
    allowed = ((old.number(), False), (old.number() + 1, True))  # what it wrote may be the same
    must(told in allowed, f"{second.when}: must make the next version, and tell its state")


def takeover(subject: Subject) -> None:
    """A session comes with its state: in a header, or by PUT where that is too large."""
    given(subject.paths.write, "--path")
    state = wrote(subject, new_id(), 0).state()
    must(state is not None, "a write: Limpet-State is missing, or the state is above 4096 bytes")
    fence, handed = number(), {"State": packed(state or b"")}
    reply = subject.app(
        subject.paths.read, new_id(), 7, "a takeover with its state", **handed, Takeover=fence
    )
    served(reply)
    must(reply.number() >= fence, f"{reply.when}: Limpet-Version must be at least {fence}")
    must(reply.state() is not None, f"{reply.when}: that is a new version, so Limpet-State must be there")
    name = new_id()
    status(subject.put(name, 7, state or b"", "PUT of a state"), 204)
    reply = subject.app(subject.paths.read, name, 7, "a takeover of a copy", Takeover=fence)
    served(reply)
    must(reply.number() >= fence, f"{reply.when}: Limpet-Version must be at least {fence}")
    refused(subject.put(name, 8, state or b"", "PUT of an old owner's write after it"), reply.number())
    name = new_id()
    subject.put(name, 7, b"", "PUT of an empty state")
    when = "a takeover with another state of the version that it has, which is stale"
    served(subject.app(subject.paths.read, name, 7, when, **handed, Takeover=fence, Stale=9))
    must(subject.get(name, "GET").body == state, f"{when}: what is handed over counts, not what it had")


def handed_over(subject: Subject) -> None:
    """A state without a takeover is served as its version, unless that is below the fence."""
    given(subject.paths.write, "--path")
    handed = {"State": packed(wrote(subject, new_id(), 0).state() or b"")}
    reply = subject.app(
        subject.paths.read, new_id(), 7, "a request with its state, and no takeover", **handed
    )
    served(reply)
    must(reply.number() == 7, f"{reply.when}: Limpet-Version must be 7, not {reply.number()}")
    name = new_id()
    subject.fence(name, number(), "fence")
    needs(subject.app(subject.paths.read, name, 7, "the same behind a fence", **handed), "state")


def large_state(subject: Subject) -> None:
    """Above 4096 bytes the state is left out, and fetched."""
    route, name = given(subject.paths.large, "--large"), new_id()
    reply = subject.app(route, name, 0, "a write of a large state")
    served(reply)
    must(reply.number() > 1, f"{reply.when}: must make a new version")
    must(reply.field("Limpet-State") is None, f"{reply.when}: Limpet-State must be left out above 4096 bytes")
    held = subject.get(name, "GET after it")
    status(held, 200)
    must(held.number() == reply.number(), f"{held.when}: Limpet-Version must be {reply.number()}")
    must(len(held.body) > 4096, f"{held.when}: the state must be above 4096 bytes, not {len(held.body)}")


def end(subject: Subject) -> None:
    """The app logs out: the id is over."""
    route, name = given(subject.paths.end, "--end"), new_id()
    version = begun(subject, name).number()
    reply = subject.app(route, name, version, "a logout")
    served(reply)
    must(reply.field("Limpet-End") == "1", f"{reply.when}: Limpet-End must be 1")
    must(reply.field("Limpet-State") is None, f"{reply.when}: there must be no Limpet-State")
    status(subject.get(name, "GET after the logout"), 410)
    needs(subject.app(subject.paths.read, name, version, "a request after the logout"), "id")


def renew(subject: Subject) -> None:
    """The app logs in: the session goes on under a new id, and the old one is over."""
    route, name = given(subject.paths.renew, "--renew"), new_id()
    version = begun(subject, name).number()
    reply = subject.app(route, name, version, "a login")
    served(reply)
    renewed = reply.field("Limpet-Renew")
    must(renewed is not None, f"{reply.when}: Limpet-Renew is missing")
    must(_is_id(renewed or ""), f"{reply.when}: Limpet-Renew must be 16 random bytes as base64url")
    must(renewed != name, f"{reply.when}: Limpet-Renew must be a new id")
    must(reply.number() == version + 1, f"{reply.when}: Limpet-Version must go on with {version + 1}")
    status(subject.get(name, "GET of the old id"), 410)
    held = subject.get(renewed or "", "GET of the new id")
    status(held, 200)
    must(reply.state() in (None, held.body), f"{held.when}: must be what the response told")
    must(held.field("Limpet-Serving") == "1", f"{held.when}: it must be served")


def packed(state: bytes) -> str:
    return binascii.b2a_base64(state, newline=False).decode()


def reads(subject: Subject, name: str, version: int) -> None:
    """A request that writes nothing makes no version."""
    reply = subject.app(subject.paths.read, name, version, "a request that only reads")
    served(reply)
    made = reply.number(), reply.field("Limpet-State")
    must(made == (version, None), f"{reply.when}: Limpet-Version must be {version}, without Limpet-State")


def begun(subject: Subject, name: str) -> Reply:
    """A new session."""
    reply = subject.app(subject.paths.read, name, 0, "a request of a new session")
    served(reply)
    must(reply.number() >= 1, f"{reply.when}: Limpet-Version must be at least 1")
    return reply


def wrote(subject: Subject, name: str, version: int) -> Reply:
    """A write of a new session."""
    reply = subject.app(subject.paths.write, name, version, "a write")
    served(reply)
    must(
        reply.number() > 1,
        f"{reply.when}: does not make a new version; is {subject.paths.write} a path that writes?",
    )
    return reply


def served(reply: Reply) -> None:
    """The app has run, as one that takes part."""
    if reply.field("Limpet-Version") is None:
        raise Wrong(f"{reply.when}: answered {reply.status} without Limpet-Version: it does not take part")
    need = reply.field("Limpet-Need")
    must(need is None, f"{reply.when}: must be let in, and was answered {reply.status}, Limpet-Need: {need}")
    must(reply.status not in (400, 409), f"{reply.when}: must be let in, and was answered {reply.status}")


def given(route: str, option: str) -> str:
    if not route:
        raise Skipped(f"give {option} a path of the app that does that")
    return route


def _is_id(text: str) -> bool:
    try:
        return id_text(id_bytes(text)) == text
    except ValueError:
        return False
