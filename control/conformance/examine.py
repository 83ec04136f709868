"""Runs all cases against a node and says of each how it went."""

import http.client
from collections.abc import Callable, Iterator
from enum import IntEnum
from typing import NamedTuple

from control.conformance import app_cases, endpoint_cases, running_cases
from control.conformance.subject import Skipped, Subject, Wrong


class Verdict(IntEnum):
    FINE = 0
    WRONG = 1
    SKIPPED = 2


class Finding(NamedTuple):
    """`why` says what is wrong, or why it was not tried."""

    case: str
    what: str
    verdict: Verdict
    why: str = ""


Case = Callable[[Subject], None]
CASES: dict[str, Case] = {
    "wrong key": endpoint_cases.wrong_key,
    "new": app_cases.new,
    "any answer": app_cases.any_answer,
    "no key": app_cases.stranger,
    "write, read": app_cases.write,
    "need": app_cases.need,
    "takeover": app_cases.takeover,
    "handed over": app_cases.handed_over,
    "takeover of what is lost": app_cases.lost,
    "refused takeover": app_cases.refused_takeover,
    "large state": app_cases.large_state,
    "renew": app_cases.renew,
    "dead id": app_cases.dead_id,
    "end": app_cases.end,
    "lasting": app_cases.lasting,
    "copy": endpoint_cases.copies,
    "copy of what is served": app_cases.overtaken,
    "ended": endpoint_cases.ends,
    "remembered": endpoint_cases.remembered,
    "touch": endpoint_cases.touches,
    "batch": endpoint_cases.batch,
    "bad lines": endpoint_cases.bad_lines,
    "bad calls": endpoint_cases.bad_calls,
    "bad fields": app_cases.bad_fields,
    "fence": endpoint_cases.fences,
    "fence of what is served": app_cases.fenced,
    "list": endpoint_cases.listing,
    "fence while it runs": running_cases.fenced,
    "end while it runs": running_cases.ended,
}


def examine(subject: Subject) -> Iterator[Finding]:
    """One finding for each case. Raises OSError or http.client.HTTPException before the first, if at all."""
    subject.call("GET", "/?limit=1", "list")
    for name, case in CASES.items():
        what = (case.__doc__ or "").splitlines()[0]
        yield Finding(name, what, *_try(case, subject))


def _try(case: Case, subject: Subject) -> tuple[Verdict, str]:
    try:
        case(subject)
    except Wrong as wrong:
        return Verdict.WRONG, str(wrong)
    except Skipped as skipped:
        return Verdict.SKIPPED, str(skipped)
    except (OSError, http.client.HTTPException) as error:
        return Verdict.WRONG, f"the node gave no answer: {error or type(error).__name__}"
    return Verdict.FINE, ""
