"""What is allowed, but probably not meant."""

from datetime import UTC, datetime, timedelta

import pytest
from trustme import KeyType

from config.advice import advise
from config.loading import read
from tests.certificates import Authority
from tests.config.files import Loader

QUIET = """\
secrets: [correct-horse-battery]
services:
  shop:
    nodes:
      - {{name: a, url: "http://127.0.0.1:9001"}}
      - {{name: b, url: "http://127.0.0.1:9002"}}
    health: {{path: /healthz}}
    {}
"""


def advice(loader: Loader, text: str) -> list[str]:
    loader.path.write_text(text)
    settings, source = read(loader.path, {})
    assert {each[2:] for each in advise(settings)} == {each[2:] for each in advise(settings, source)}
    return [str(each).removeprefix(f"{loader.path}:") for each in advise(settings, source)]


def test_a_sound_file_needs_none(loader: Loader) -> None:
    assert advice(loader, QUIET.format("")) == []


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (
            "affinity: {mode: hash, cookie: uid}",
            "8: services.shop.affinity.mode: sessions have no pin with `hash`",
        ),
        ("affinity: {idle: 13h}", "8: services.shop.affinity.idle: more than `lifetime`, 12h"),
        ("affinity: {max_age: 1d}", "8: services.shop.affinity.max_age: more than `lifetime`, 12h"),
        ("affinity: {secure: never}", "8: services.shop.affinity.secure: `never`: the token also goes over"),
        (
            "pool: {keep_alive: 5s}",
            "8: services.shop.pool.keep_alive: 5s must be less than the app's own keep-alive",
        ),
        ("queue: {length: 5}", "8: services.shop.queue: no node has `max_connections`"),
    ],
)
def test_advice_has_its_line(loader: Loader, option: str, message: str) -> None:
    (said,) = advice(loader, QUIET.format(option))
    assert said.startswith(message)


def test_strict_needs_sessions(loader: Loader) -> None:
    (said,) = advice(loader, QUIET.format("on_unavailable: strict\n    affinity: {mode: none}"))
    assert said.startswith("8: services.shop.on_unavailable: `strict` has no effect")


def test_no_secrets_no_probes_no_second_node(loader: Loader) -> None:
    said = advice(loader, "services:\n  shop:\n    nodes:\n      - {name: a, url: 'http://a'}\n")
    assert [line.strip(" ").split(": ")[:2] for line in said[1:]] == [
        ["2", "services.shop.health"],
        ["3", "services.shop.nodes"],
    ]
    assert said[0].startswith(" secrets: none given: Limpet makes one")


def test_secrets_are_not_missed_where_nothing_is_sealed(loader: Loader) -> None:
    text = QUIET.format("affinity: {mode: none}").replace("secrets: [correct-horse-battery]\n", "")
    assert advice(loader, text) == []


def test_nodes_of_one_host_share_a_port_for_probes(loader: Loader) -> None:
    text = QUIET.format("").replace("path: /healthz", "path: /healthz, port: 9000")
    (said,) = advice(loader, text)
    assert said.startswith("7: services.shop.health.port: two nodes have the same host")
    assert advice(loader, text.replace("127.0.0.1:9002", "127.0.0.2:9002")) == []


def test_a_service_out_of_reach(loader: Loader) -> None:
    more = "routes:\n  - {service: shop}\n"
    other = "  other: {nodes: [{name: a, url: 'http://a'}, {name: b, url: 'http://b'}], health: {path: /}}\n"
    said = advice(loader, QUIET.format("") + other + more)
    assert said == ["9: services.other: no route leads here: it gets no requests"]


def test_certificates_that_end_soon_or_are_never_shown(loader: Loader) -> None:
    authority = Authority(loader.folder)
    soon = datetime.now(UTC) + timedelta(days=3, hours=1)
    authority.issue("a.example", "b.example", into="whole")
    authority.issue("a.example", into="same")
    authority.issue("a.example", into="other", key_type=KeyType.RSA, not_after=soon)
    authority.issue("nodes.example", into="own", not_after=soon)
    pairs = "".join(f"    - {{cert: {name}.crt, key: {name}.key}}\n" for name in ("whole", "same", "other"))
    listen = f"listen:\n- address: 127.0.0.1:0\n  tls:\n   certificates:\n{pairs}"
    own = "tls: {cert: own.crt, key: own.key}"
    text = QUIET.format(own).replace("http://127.0.0.1:9001", "https://127.0.0.1:9001") + listen
    day = f"{soon:%Y-%m-%d}"
    assert advice(loader, text) == [
        f"8: services.shop.tls.cert: expires on {day}, in 3 days: renew it",
        "14: listen[0].tls.certificates[1].cert: never shown: those before it have all of its names, with EC"
        " keys, too",
        f"15: listen[0].tls.certificates[2].cert: expires on {day}, in 3 days: renew it",
    ]
