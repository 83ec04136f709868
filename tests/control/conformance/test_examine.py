"""A node that keeps the contract passes every case; each case is failed by a node that breaks it."""

import re

import pytest

from control.conformance import endpoint_cases
from control.conformance.examine import CASES, Verdict, examine
from control.conformance.subject import Paths
from limpet_session.asgi import App
from tests.control.conformance.tampering import (
    any_key,
    body,
    examined,
    field,
    forgetful,
    never_fenced,
    repacked,
    reversed_lines,
    status,
    tampered,
    without,
)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """No node here forgets too soon."""
    monkeypatch.setattr(endpoint_cases, "LONG_SECONDS", 0.0)


def wrong(node: App) -> dict[str, str]:
    with examined(node) as subject:
        return {finding.case: finding.why for finding in examine(subject) if finding.verdict is Verdict.WRONG}


def test_a_node_that_keeps_the_contract_passes_every_case() -> None:
    with examined(tampered()) as subject:
        findings = list(examine(subject))
    assert [finding.case for finding in findings] == list(CASES)
    assert [finding for finding in findings if finding.verdict is not Verdict.FINE] == []


def test_what_takes_a_path_of_the_app_is_not_tried_without_one() -> None:
    with examined(tampered(), Paths()) as subject:
        skipped = {finding.case: finding.why for finding in examine(subject) if finding.verdict}
    assert skipped.keys() == {
        *("write, read", "takeover", "handed over", "large state", "renew", "end"),
        *("fence while it runs", "end while it runs"),
    }
    assert "--large" in skipped["large state"]


BREAKS: list[tuple[App, set[str]]] = [
    (tampered(before=any_key), {"wrong key", "no key"}),
    (tampered(before=forgetful(b"limpet-takeover")), {"takeover", "takeover of what is lost"}),
    (tampered(before=forgetful(b"limpet-state")), {"takeover", "handed over"}),
    (tampered(before=never_fenced), {"fence", "fence of what is served", "refused takeover"}),
    (tampered(status(204, 409, "PUT")), {"copy", "fence", "takeover"}),
    (tampered(status(200, 503)), {"end while it runs"}),
    (tampered(field(b"limpet-version", b"9", "/slow")), {"fence while it runs"}),
    (tampered(status(404, 410)), {"ended", "end", "renew", "remembered"}),
    (tampered(status(200, 409, "GET")), {"need", "dead id", "refused takeover", "fence of what is served"}),
    (tampered(status(200, 400)), {"bad calls", "bad fields"}),
    (
        tampered(without(b"limpet-version")),
        {"new", "any answer", "need", "write, read", "copy", "bad fields"},
    ),
    (tampered(without(b"limpet-state")), {"write, read", "takeover"}),
    (tampered(without(b"limpet-serving")), {"new", "renew"}),
    (tampered(without(b"limpet-end")), {"end"}),
    (tampered(without(b"limpet-renew")), {"renew"}),
    (tampered(without(b"limpet-need")), {"need", "dead id"}),
    (tampered(field(b"limpet-state", b"eA==")), {"new", "large state", "end"}),
    (tampered(field(b"limpet-state", b"not base64", "/add")), {"write, read"}),
    (tampered(field(b"limpet-version", b"07", "/add")), {"write, read"}),
    (tampered(field(b"limpet-serving", b"1")), {"copy", "copy of what is served", "fence of what is served"}),
    (tampered(body(lambda text: re.sub(rb'"ttl":\d+', b'"ttl":60', text), "/")), {"lasting", "touch"}),
    (tampered(body(reversed_lines, "/")), {"batch", "list", "bad lines", "touch"}),
    (tampered(body(repacked, "/")), {"batch"}),
    (tampered(body(lambda text: b"", "/")), {"batch", "list", "bad lines", "touch"}),
    (tampered(body(lambda text: text.replace(b'"ended":true', b'"ended":false'), "/")), {"list"}),
    (tampered(body(lambda text: text.replace(b'"status":400', b'"status":204'), "/")), {"bad lines"}),
]


@pytest.mark.parametrize(("node", "cases"), BREAKS, ids=map(str, range(len(BREAKS))))
def test_a_node_that_breaks_the_contract_is_told_so(node: App, cases: set[str]) -> None:
    found = wrong(node)
    assert cases <= found.keys()
    assert all(found.values())


def test_each_case_has_a_node_that_fails_it() -> None:
    assert set().union(*(cases for _, cases in BREAKS)) == CASES.keys()
