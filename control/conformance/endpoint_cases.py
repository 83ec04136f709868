"""Cases of the node's endpoint: copies, fences, ends, batches, the list, and who may ask."""

import time
from collections.abc import Mapping

from control.conformance.subject import ENDPOINT, Subject, listed_id, must, number, refused, status
from sessions.ids import new_id

LONG_SECONDS = 1.1  # longer than the shortest TTL; a node that forgets sooner is caught
STATE, OTHER = b'{"a":1}', b'{"a":2}'
PACKED = "eyJhIjoxfQ=="


def wrong_key(subject: Subject) -> None:
    """403 without a right key, and nothing is changed."""
    name = new_id()
    for key, what in ((None, "no key"), ("", "an empty key"), ("guessed-and-wrong-key", "a wrong key")):
        when = f"PUT with {what}"
        status(subject.call("PUT", f"/{name}", when, STATE, Key=key, Version=1, TTL=60), 403)
        status(subject.call("GET", "/", f"the list with {what}", Key=key), 403)
    status(subject.get(name, "GET of what was put with a wrong key"), 404)


def copies(subject: Subject) -> None:
    """PUT, GET, HEAD: a newer version is taken, an older one or other bytes are not."""
    name = new_id()
    status(subject.get(name, "GET of an unknown id"), 404)
    status(subject.put(name, 7, STATE, "PUT of version 7"), 204)
    held = subject.get(name, "GET after that PUT")
    status(held, 200)
    must(held.body == STATE, f"{held.when}: the body must be the state that was put")
    must(held.number() == 7, f"{held.when}: Limpet-Version must be 7, not {held.number()}")
    must(held.field("Limpet-Serving") is None, f"{held.when}: a copy is not served, so no Limpet-Serving")
    head = subject.call("HEAD", f"/{name}", "HEAD after that PUT")
    status(head, 200)
    must(head.number() == 7, f"{head.when}: Limpet-Version must be 7")
    status(subject.put(name, 7, STATE, "the same PUT again"), 204)
    refused(subject.put(name, 7, OTHER, "PUT of version 7 with other bytes"), 7)
    refused(subject.put(name, 6, OTHER, "PUT of version 6 over 7"), 7)
    status(subject.put(name, (1 << 53) - 1, OTHER, "PUT of version 2^53-1"), 204)
    must(subject.get(name, "GET").number() == (1 << 53) - 1, "version 2^53-1 must be kept exactly")


def fences(subject: Subject) -> None:
    """Nothing below a fence is taken, also where nothing is held; each fence is above the last."""
    name, fence = new_id(), number()
    subject.put(name, 7, STATE, "PUT of version 7")
    held = subject.fence(name, fence, "fence")
    status(held, 200)
    must(held.body == STATE and held.number() == 7, "fence: the answer must be that of GET")
    refused(subject.fence(name, fence, "the same fence again"), fence)
    refused(subject.fence(name, fence - 1, "a lower fence"), fence)
    refused(subject.put(name, 8, OTHER, "PUT of version 8 below the fence"), fence)
    status(subject.put(name, fence + 1, OTHER, "PUT above the fence"), 204)
    unknown = new_id()
    status(subject.fence(unknown, fence, "fence of an unknown id"), 404)
    refused(subject.put(unknown, 9, STATE, "PUT below a fence behind which there is nothing"), fence)


def ends(subject: Subject) -> None:
    """DELETE is remembered: 410 for whatever comes after."""
    name = new_id()
    subject.put(name, 7, STATE, "PUT of version 7")
    for what in ("DELETE", "DELETE again"):
        status(subject.call("DELETE", f"/{name}", what, TTL=60), 204)
    status(subject.get(name, "GET after DELETE"), 410)
    status(subject.put(name, 8, STATE, "PUT after DELETE"), 410)
    status(subject.fence(name, number(), "fence after DELETE"), 410)
    unknown = new_id()
    status(subject.call("DELETE", f"/{unknown}", "DELETE of an unknown id", TTL=60), 204)
    status(subject.get(unknown, "GET after DELETE of an unknown id"), 410)


def remembered(subject: Subject) -> None:
    """A copy, a fence and an end are kept for their TTL."""
    name, dead, fenced, mark = new_id(), new_id(), new_id(), number()
    subject.put(name, 7, STATE, "PUT of version 7")
    subject.call("DELETE", f"/{dead}", "DELETE", TTL=60)
    subject.call("POST", f"/{fenced}/fence", "fence", Fence=mark, TTL=60)
    time.sleep(LONG_SECONDS)  # the case is that time has passed
    status(subject.get(name, "GET of a copy, a second later"), 200)
    status(subject.get(dead, "GET of an ended id, a second later"), 410)
    refused(subject.put(fenced, 9, STATE, "PUT below a fence, a second later"), mark)


def touches(subject: Subject) -> None:
    """A line with a version and no state keeps a copy for longer, if it is there."""
    name, dead, unknown = listed_id(), new_id(), new_id()
    subject.put(name, 7, STATE, "PUT of version 7")
    subject.call("DELETE", f"/{dead}", "DELETE", TTL=60)
    lines = [
        {"id": name, "version": 7, "ttl": 600},
        {"id": name, "version": 8, "ttl": 600},
        {"id": dead, "version": 1, "ttl": 600},
        {"id": unknown, "version": 1, "ttl": 600},
    ]
    said = [line.get("status") for line in subject.batch([*lines], "touch")]
    must(said == [204, 404, 410, 404], f"touch: the lines must be answered 204, 404, 410, 404, not {said}")
    ttl = subject.ttl(name)
    must(ttl > 60, f"touch: the session must be kept for 600 s then, not {ttl}")


def batch(subject: Subject) -> None:
    """Each line gets an answer of its own, in order."""
    name, other, fence = new_id(), new_id(), number()
    answers = subject.batch(
        [
            {"id": name, "version": 2, "ttl": 60, "state": PACKED},
            {"id": name, "get": True},
            {"id": name, "fence": fence},
            {"id": name, "version": 3, "ttl": 60, "state": ""},
            {"id": other, "end": True, "ttl": 60},
            {"id": other, "get": True},
        ],
        "batch",
    )
    said = [(line.get("id"), line.get("status")) for line in answers]
    wanted = [(name, 204), (name, 200), (name, 200), (name, 409), (other, 204), (other, 410)]
    must(said == wanted, f"batch: ids and statuses must be {wanted}, not {said}")
    for at, what in ((1, "get"), (2, "fence")):
        line = answers[at]
        held = line.get("version"), line.get("state"), bool(line.get("serving"))
        must(held == (2, PACKED, False), f"batch: the {what} must tell version 2 and the state, not {line}")
    must(answers[3].get("version") == fence, f"batch: a 409 must tell the fence, {fence}")


def bad_lines(subject: Subject) -> None:
    """What is not understood gets 400, and the lines around it are carried out."""
    name = new_id()
    bad: list[Mapping[str, object] | str] = [
        "not JSON",
        {"id": name, "version": "3", "ttl": 60, "state": PACKED},
        {"id": name, "version": 1 << 53, "ttl": 60, "state": PACKED},
        {"id": name, "version": 3, "ttl": 60, "state": "not base64"},
        {"id": name, "version": 3, "ttl": 0, "state": PACKED},
        {"id": "short", "get": True},
        {"id": name},
    ]
    good = {"id": name, "version": 2, "ttl": 60, "state": PACKED}
    answers = subject.batch([*bad, good], "batch with bad lines")
    said = [line.get("status") for line in answers]
    must(said == [400] * len(bad) + [204], f"bad lines: must be 400 each and 204 for the last, not {said}")


def bad_calls(subject: Subject) -> None:
    """Malformed ids, versions and TTLs get 400, and nothing is changed."""
    name = new_id()
    status(subject.get("short", "GET of an id that is too short"), 400)
    status(subject.get(name[:-1] + "B", "GET of an id in a second spelling"), 400)
    for version in ("", "x", "-1", "07", "1.5", 1 << 53):
        status(subject.put(name, version, STATE, f"PUT of version {version!r}"), 400)
    status(subject.call("PUT", f"/{name}", "PUT without Limpet-TTL", STATE, Version=1), 400)
    when = "PUT with two Limpet-Version"
    status(subject.call("PUT", f"/{name}", when, STATE, Version=[1, 2], TTL=60), 400)
    status(subject.get(name, "GET after bad PUTs"), 404)


def listing(subject: Subject) -> None:
    """In order of id, behind `after`, at most `limit`; the end of a session is in it too."""
    names = sorted(new_id() for _ in range(3))
    for at, name in enumerate(names[:2]):
        subject.put(name, at + 1, STATE, "PUT")
    subject.call("DELETE", f"/{names[2]}", "DELETE", TTL=60)
    seen: dict[str, dict[str, object]] = {}
    after, pages = "", 0
    while names[2] not in seen and pages < 1000:
        query = f"after={after}&limit=2" if after else "limit=2"
        page = subject.ask("GET", f"{ENDPOINT}/?{query}", "list")
        status(page, 200)
        lines = page.lines()
        ids = [line.get("id") for line in lines]
        must(len(lines) <= 2, f"list: there must be at most `limit` lines, not {len(lines)}")
        must(
            ids == sorted(set(ids)) and (not ids or ids[0] > after),
            "list: must be in order of id, after `after`",
        )
        must(bool(lines), "list: it ended before it came to all sessions")
        seen |= {line["id"]: line for line in lines}
        after, pages = ids[-1], pages + 1
    for at, name in enumerate(names):
        must(name in seen, "list: it leaves out a session")
        line, ended = seen[name], at == 2
        keys = {"id", "version", "ttl", "serving", "ended"}
        must(keys <= line.keys(), f"list: a line must have {', '.join(sorted(keys))}, not {line}")
        must(
            line["ended"] is ended and line["serving"] is False,
            f"list: ended and serving are wrong in {line}",
        )
        must(ended or line["version"] == at + 1, f"list: the version must be {at + 1} in {line}")
