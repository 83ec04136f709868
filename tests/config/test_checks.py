"""Options that contradict each other."""
# ruff: noqa: E501 (tables of files and messages, a case a line)

import pytest

from config import checks
from tests.config.files import NODES, SHOP, Loader, contract, service

TOKEN = "token: correct-horse-battery"
NODE = "{{name: {}, url: 'http://127.0.0.1:{}'}}"


def nodes(*items: str) -> str:
    return "services:\n shop:\n  nodes:\n" + "".join(f"  - {item}\n" for item in items)


TWO = "services:\n  a: {nodes: [{name: a, url: 'http://a'}]}\n  b: {nodes: [{name: a, url: 'http://a'}]}\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TWO, "routes: is missing: with several services there must be a route to each"),
        (TWO + "routes: []\n", "4: routes: is missing: with several services there must be a route to each"),
        (SHOP + "routes:\n- {service: shp}\n", "3: routes[0].service: must be the name of a service, `shop`; did you mean `shop`?"),
        (SHOP + "routes:\n- {service: shop, path: /a}\n- {service: shop, path: /a/}\n", "4: routes[1]: has the host and the path of `routes[0]`"),
        (SHOP + "routes:\n- {service: shop, host: A.b}\n- {service: shop, host: a.B.}\n", "4: routes[1]: has the host and the path of `routes[0]`"),
        (SHOP + "routes:\n- {service: shop, strip_prefix: true}\n", "3: routes[0].strip_prefix: has no effect with the path `/`: leave it out"),
        (nodes(NODE.format("a", 1), NODE.format("a", 2)), "5: services.shop.nodes[1].name: must be its own: `a` is that of `nodes[0]` already"),
        (nodes(NODE.format("a", 1), NODE.format("b", 1)), "5: services.shop.nodes[1].url: must be its own: `http://127.0.0.1:1` is that of `nodes[0]` already"),
        (nodes("{name: a, url: 'http://a', backup: true}"), "3: services.shop.nodes: must not all be backups: at least one must be without `backup`"),
        (nodes(NODE.format("a", 8080)), "4: services.shop.nodes[0].url: http://127.0.0.1:8080 is an address of Limpet's own"),
        (nodes("{name: a, url: 'http://localhost:9900'}") + "admin: {listen: '0.0.0.0:9900', " + TOKEN + "}\n", "4: services.shop.nodes[0].url: http://localhost:9900 is an address of Limpet's own"),
        (nodes(NODE.format("a", 80)) + "listen: 'localhost:80'\n", "4: services.shop.nodes[0].url: http://127.0.0.1:80 is an address of Limpet's own"),
        (nodes("{name: a, url: unix:/x}") + "listen: unix:/x\n", "4: services.shop.nodes[0].url: unix:/x is an address of Limpet's own"),
        (SHOP + "listen: ['127.0.0.1:80', '127.0.0.1:80']\n", "2: listen[1]: 127.0.0.1:80 is in use already: `listen[0].address` is 127.0.0.1:80"),
        (SHOP + "listen: ['0.0.0.0:80', '127.0.0.1:80']\n", "2: listen[1]: 127.0.0.1:80 is in use already: `listen[0].address` is 0.0.0.0:80"),
        (SHOP + "listen: 127.0.0.1:9900\n", "2: listen: 127.0.0.1:9900 is in use already: `admin.listen` is 127.0.0.1:9900"),
        (SHOP + "listen: [unix:/x, unix:/x]\n", "2: listen[1]: unix:/x is in use already: `listen[0].address` is unix:/x"),
        (nodes("{name: a, url: 'http://a', max_connections: 3}") + "workers: 4\n", "4: services.shop.nodes[0].max_connections: must be at least 4, the number of `workers`: each needs a connection"),
        (SHOP + "workers: 0\n", "2: workers: must be an integer from 1 to 256, or `auto`, not 0"),
        (SHOP + "workers: many\n", "2: workers: must be an integer from 1 to 256, or `auto`, not \"many\""),
        (SHOP + "limits:\n  head: 4KiB\n  line: 5KiB\n", "4: limits.line: must not be more than `limits.head`, 4KiB: a line is part of a head"),
        (SHOP + "secrets: [correct-horse-battery]\nsecrets_file: x\n", "3: secrets_file: cannot be combined with `secrets`: give one of them"),
        (SHOP + "admin: {" + TOKEN + ", token_file: x}\n", "2: admin.token_file: cannot be combined with `token`: give one of them"),
        (SHOP + "admin: {listen: '0.0.0.0:9900'}\n", "2: admin.listen: other machines can reach 0.0.0.0:9900: `admin.token` (or `token_file`) must be given"),
        (SHOP + "admin: {listen: 'admin.example:9900'}\n", "2: admin.listen: other machines can reach admin.example:9900"),
        (service("health: {path: /, timeout: 3s}"), "2: services.shop.health.timeout: must not be more than the interval, 2s"),
        (service("health: {interval: 5s}"), "2: services.shop.health.interval: has no effect without `path`: nodes are probed only with one"),
        (nodes("{name: a, url: 'http://a', sessions_url: 'http://a'}"), "4: services.shop.nodes[0].sessions_url: is the node's `url`: leave it out"),
        (nodes("{name: a, url: 'http://a', sessions_url: 'http://s'}", "{name: b, url: 'http://s'}"), "5: services.shop.nodes[1].url: must be its own: `http://s:80` is that of `nodes[0]` already"),
        (nodes("{name: a, url: 'http://a', sessions_url: 'http://s'}", "{name: b, url: 'http://b', sessions_url: 'http://s'}"), "5: services.shop.nodes[1].sessions_url: must be its own: `http://s:80` is that of `nodes[0]` already"),
        (nodes("{name: a, url: 'http://a', sessions_url: 'http://127.0.0.1:9900'}"), "4: services.shop.nodes[0].sessions_url: http://127.0.0.1:9900 is an address of Limpet's own"),
        (SHOP + "admin: {listen: '127.0.0.1:8080'}\n", "listen[0].address: 127.0.0.1:8080 is in use already"),
        (service("ejection: {base: 10m}"), "2: services.shop.ejection.longest: must not be less than `base`, 10m"),
    ],
)  # fmt: skip
def test_a_contradiction_is_told(loader: Loader, text: str, message: str) -> None:
    said = loader.problems(text)
    told = [line for line in said if line.startswith(message)]
    # Files that are named beside a contradiction may be missing as well, and what it is about have no effect.
    assert len(told) == 1, said
    assert all(line in told or "cannot be read" in line or "has no effect" in line for line in said)


@pytest.mark.parametrize(
    "text",
    [
        SHOP + "listen: ['127.0.0.1:80', '127.0.0.2:80', '127.0.0.1:81', unix:/x]\n",
        SHOP + "listen: ['127.0.0.1:0', '127.0.0.1:0']\nadmin: {listen: '127.0.0.1:0'}\n",
        SHOP + "admin: {listen: '0.0.0.0:9900', " + TOKEN + "}\n",
        SHOP + "admin: {listen: 'localhost:9900'}\n",
        SHOP + "admin: {listen: unix:/run/limpet.sock}\n",
        SHOP
        + "routes: [{service: shop, path: /a}, {service: shop, path: /b}, {service: shop, host: a.b, path: /a}]\n",
        SHOP + "routes: [{service: shop, path: /a, strip_prefix: true}]\n",
        service("health: {slow_start: 10s}"),
        service("health: {path: /healthz, interval: 1s}"),
        nodes("{name: a, url: 'http://10.0.0.1:8080'}"),
        nodes("{name: a, url: 'http://a'}", "{name: b, url: 'http://a:81', backup: true}"),
    ],
)
def test_what_only_looks_like_one_is_fine(loader: Loader, text: str) -> None:
    assert loader.problems(text) == []


@pytest.mark.parametrize(
    ("sessions", "message"),
    [
        ("strategy: replication", "strategy: must be `affinity`: `replication` is not in this version"),
        ("strategy: store, store: main", "strategy: must be `affinity`: `store` is not in this version"),
        ("contract: true", "contract: must be false: the contract is not in this version"),
    ],
)
def test_what_the_byte_path_does_not_do_yet_is_refused(
    loader: Loader, monkeypatch: pytest.MonkeyPatch, sessions: str, message: str
) -> None:
    text = contract(f"sessions: {{{sessions}}}")
    monkeypatch.setattr(checks, "CONTRACT_READY", False)
    assert loader.problems(text) == [f"3: services.shop.sessions.{message}"]
    assert loader.problems(contract("sessions: {strategy: affinity, contract: false}")) == []
    monkeypatch.setattr(checks, "CONTRACT_READY", True)
    assert loader.problems(text) == []


def test_a_proxy_header_needs_somebody_to_trust(loader: Loader) -> None:
    listen = "listen: {address: '127.0.0.1:1', proxy_protocol: true}\n"
    assert loader.problems(SHOP + listen) == [
        "2: listen[0].proxy_protocol: needs `forwarded.trusted_proxies`: who may say there where clients come from"
    ]
    assert not loader.problems(SHOP + listen + "forwarded: {trusted_proxies: [10.0.0.0/8]}\n")
    assert not loader.problems(SHOP + listen.replace("127.0.0.1:1", "unix:/run/x.sock"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("nodes: [{name: a, url: 'https://a'}]", "send_proxy: cannot be combined with nodes at https://"),
        ("health: {path: /}, " + NODES, "send_proxy: needs `health.port`: probes carry no PROXY header"),
        ("pool: {idle: 1}, " + NODES, "pool: has no effect with `send_proxy`: no connection is kept"),
    ],
)
def test_what_would_come_without_a_proxy_header(loader: Loader, options: str, said: str) -> None:
    (found,) = loader.problems(f"services: {{shop: {{send_proxy: v2, {options}}}}}\n")
    assert found == f"1: services.shop.{said}"
