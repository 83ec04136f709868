"""The Node.js SDK keeps the contract: all that `limpet contract` asks, and each exchange of its page."""

from config.addresses import NodeUrl
from control.conformance.examine import CASES, Verdict, examine
from control.conformance.subject import Paths, Subject
from tests.sdk.test_contract_doc import ask, exchanges, ours, parse, wire
from tests.sdk_node.conftest import node

PATHS = Paths(write="/add", large="/large", end="POST /end", renew="POST /renew", slow="/later")


def test_an_express_app_passes_every_case(shop: int) -> None:
    subject = Subject(NodeUrl.parse(f"http://127.0.0.1:{shop}"), "a-shared-secret", PATHS)
    findings = list(examine(subject))
    assert [finding.case for finding in findings] == list(CASES)
    assert [finding for finding in findings if finding.verdict is not Verdict.FINE] == []


def test_every_exchange_of_the_contract_is_true() -> None:
    with node("documented.js") as port:
        for request, expected in exchanges():
            status, fields, content = parse(ask(port, wire(request)))
            wanted_status, wanted_fields, wanted_content = parse(wire(expected))
            assert (status, content.rstrip("\n")) == (wanted_status, wanted_content.rstrip("\n")), request
            assert {name: fields.get(name) for name in wanted_fields} == wanted_fields, request
            assert ours(fields) == ours(wanted_fields), request
