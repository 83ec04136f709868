"""Header fields that the operator cannot have."""

import pytest

from tests.config.files import SHOP, Loader, service

TAKEN = [
    "Content-Length",
    "transfer-encoding",
    "Connection",
    "keep_alive",
    "Upgrade",
    "TE",
    "Trailer",
    "Expect",
    "Host",
    "Cookie",
    "Set-Cookie",
    "X-Forwarded-For",
    "x_forwarded_proto",
    "X-Forwarded-Host",
    "Forwarded",
    "Via",
    "Limpet-Session",
    "limpet_key",
    "X-Request-Id",
]


@pytest.mark.parametrize("name", TAKEN)
@pytest.mark.parametrize("side", ["request_headers", "response_headers"])
def test_what_the_message_or_the_session_hangs_on_cannot_be_edited(
    loader: Loader, name: str, side: str
) -> None:
    for edit in (f"set: {{{name}: x}}", f"remove: [{name}]"):
        (said,) = loader.problems(f"{SHOP}routes:\n- service: shop\n  {side}: {{{edit}}}\n")
        assert said.startswith(f"4: routes[0].{side}.")
        assert f"must not touch `{name}`: " in said


def test_the_header_of_the_sessions_cannot_be_edited(loader: Loader) -> None:
    text = service("affinity: {mode: wrap, header: Mcp-Session-Id}", more="routes:\n- service: shop\n")
    (said,) = loader.problems(text + "  response_headers: {remove: [mcp_session_id]}\n")
    assert said == (
        "5: routes[0].response_headers.remove[0]: must not touch `mcp_session_id`:"
        " the service's sessions hang on it (`affinity.header`)"
    )


def test_a_field_is_named_once(loader: Loader) -> None:
    text = SHOP + "routes:\n- service: shop\n  request_headers:\n    set: {X-A: b}\n    remove: [x_a]\n"
    assert loader.problems(text) == [
        "6: routes[0].request_headers.remove[0]: names `x_a` a second time"
        " (`_` counts as `-`, and case does not count)"
    ]


def test_other_fields_are_the_operators(loader: Loader) -> None:
    edit = "{set: {X-Forwarded-Prefix: /app, Authorization: '${A}'}, remove: [X-Powered-By, Server]}"
    text = f"{SHOP}routes: [{{service: shop, request_headers: {edit}, response_headers: {edit}}}]\n"
    (route,) = loader.settings(text, {"A": "Basic x"}).routes
    assert route.request_headers.set == {"X-Forwarded-Prefix": "/app", "Authorization": "Basic x"}
    assert route.response_headers.remove == ("X-Powered-By", "Server")


@pytest.mark.parametrize("value", ["'a\\tb'", '"a\\nb"', '" a"', '"a "', '"\\0"', '"\\u2603"', "3"])
def test_a_value_cannot_end_its_field(loader: Loader, value: str) -> None:
    said = loader.problems(f"{SHOP}routes:\n- service: shop\n  request_headers: {{set: {{X-A: {value}}}}}\n")
    fine = value == "'a\\tb'"  # YAML reads a backslash in single quotes as itself
    assert len(said) == (0 if fine else 1)
    assert fine or "must be a header's value" in said[0]


@pytest.mark.parametrize("name", ["Host", "Cookie", "Via", "Connection", "Limpet-Id"])
def test_the_request_id_has_a_field_of_its_own(loader: Loader, name: str) -> None:
    (said,) = loader.problems(f"{SHOP}forwarded: {{request_id: {name}}}\n")
    assert said.startswith(f"2: forwarded.request_id: must not be `{name}`: ")
