"""The JSON Schema, as editors use it."""

from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from config.schema import json_schema
from tests.config.files import SHOP, service

ROOT = Path(__file__).parent.parent.parent
VALIDATOR = Draft202012Validator(json_schema())


def accepts(text: str) -> bool:
    return VALIDATOR.is_valid(yaml.safe_load(text))


def test_it_is_a_schema_of_the_dialect_it_names() -> None:
    Draft202012Validator.check_schema(json_schema())
    assert json_schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_it_accepts_the_file_that_comes_with_limpet() -> None:
    errors = [
        error.message for error in VALIDATOR.iter_errors(yaml.safe_load((ROOT / "proxy.yaml").read_text()))
    ]
    assert errors == []


@pytest.mark.parametrize(
    "more",
    [
        "listen: 127.0.0.1:80",
        "listen: unix:/x",
        "listen: ['127.0.0.1:80', {address: '[::1]:80'}]",
        "secrets: ['${S}']",
        "secrets_file: one",
        "secrets_file: [one, two]",
        "timeouts: {head: 500ms, grace: 3}",
        "limits: {body: 10MB, headers: '${H}', connections_per_address: null}",
        "forwarded: {request_id: null, trusted_proxies: [10.0.0.0/8, '::1']}",
        "routes: [{service: shop, host: '*.example.com', path: /a, strip_prefix: true}]",
        "error_pages: {html: a, json: b}",
        "node_keys: ['${K}', correct-horse-battery]",
        "stores: {a: {redis: 'redis+sentinel://a,b/m', timeout: 1s}, b: {embedded: x, synchronous: full}}",
        "stores: {a: {redis: '${URL}', wait_replicas: 1}}",
    ],
)
def test_it_accepts_what_the_file_may_hold(more: str) -> None:
    assert accepts(f"{SHOP}{more}\n")


@pytest.mark.parametrize(
    "more",
    [
        "listen: 8080",
        "listen: []",
        "lisen: 127.0.0.1:80",
        "secrets: [short]",
        "secrets: correct-horse-battery",
        "timeouts: {head: 5 parsecs}",
        "limits: {body: 10M}",
        "limits: {headers: 0}",
        "limits: {headers: null}",
        "limits: {headers: 'many'}",
        "access_log: {format: xml}",
        "routes: [{host: a}]",
        "routes: [{service: shop, strip_prefix: 'yes'}]",
        "error_pages: {json_file: b}",
        "node_keys: [correct horse battery staple]",
        "stores: {a b: {embedded: x}}",
        "stores: {a: {redis: 'http://a'}}",
        "stores: {a: {embedded: x, wait: 1}}",
    ],
)
def test_it_refuses_what_the_file_may_not_hold(more: str) -> None:
    assert not accepts(f"{SHOP}{more}\n")


@pytest.mark.parametrize(
    ("sessions", "fine"),
    [
        ("{strategy: replication, replicas: 2, ack: async, max_lag: 2s, rebalance: 'on'}", True),
        ("{strategy: replication, replicas: all, max_state: 2MiB, fallback: main}", True),
        ("{strategy: replication, replicas: '${N}'}", True),
        ("{strategy: store, store: main, sticky: false, on_conflict: last}", True),
        ("{strategy: replication, replicas: 0}", False),
        ("{strategy: replication, replicas: any}", False),
        ("{strategy: replicas}", False),
        ("{strategy: store, store: 'redis://a'}", False),
    ],
)
def test_it_knows_how_sessions_are_kept(sessions: str, fine: bool) -> None:
    assert accepts(service(f"sessions: {sessions}")) is fine


def test_it_refuses_names_with_spaces() -> None:
    assert not accepts("services: {a b: {nodes: [{name: a, url: 'http://a'}]}}")


def test_every_option_has_a_description_and_shows_its_default_as_the_file_has_it() -> None:
    schema = json_schema()
    for section in (schema, *schema["$defs"].values()):
        for name, option in section.get("properties", {}).items():
            assert "description" in option or "$ref" in option, name
    affinity = schema["$defs"]["Affinity"]["properties"]
    assert affinity["idle"]["default"] == "30m"
    assert schema["$defs"]["Limits"]["properties"]["head"]["default"] == "32KiB"
    assert schema["$defs"]["Health"]["properties"]["expect"]["default"] == ["200-399"]
