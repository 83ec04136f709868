"""From a file to settings, or to everything that is wrong with it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.loading import load, read
from config.partial import Outcome
from config.problems import ConfigError
from config.settings import Listener, Settings
from config.source import Source
from config.units import Address, NodeUrl
from tests.config.files import NODES, SHOP, Loader, service

NAME = "must be a name of at most 63 letters, digits, `_`, `.` and `-`, the first a letter or digit"
ADDRESS = "must be HOST:PORT such as 127.0.0.1:8080 or [::1]:8080, or unix:/PATH,"
DURATION = "must be a duration such as 500ms, 2s, 30m, 12h or 1d,"
HEADER = "a header's name: letters, digits and !#$%&'*+-.^_`|~, at most 128"
ONE_MISTAKE = [
    ("", "services: is missing"),
    ("- a\n", "must be a mapping (keys with values), not a list"),
    ("hello\n", "must be a mapping (keys with values), not text"),
    ("services: {}\n", "1: services: must not be empty"),
    ("services: [a]\n", "1: services: must be a mapping (keys with values), not a list"),
    ("services:\n", "1: services: has no value: give one, or leave the key out"),
    (f"services: {{a b: {{{NODES}}}}}\n", f'1: services.a b: {NAME}, not "a b"'),
    (
        "services:\n  shop: {}\n",
        "2: services.shop.nodes: is missing: give the app servers, or `discover` to have them found",
    ),
    ("services:\n  shop: 3\n", "2: services.shop: must be a mapping (keys with values), not a number"),
    ("services:\n  shop:\n    nodes: []\n", "3: services.shop.nodes: must not be empty"),
    ("services:\n  shop:\n    nodes: a\n", "3: services.shop.nodes: must be a list, not text"),
    ("services:\n shop:\n  nodes:\n  - {name: a}\n", "4: services.shop.nodes[0].url: is missing"),
    (
        "services:\n shop:\n  nodes:\n  - http://a\n",
        "4: services.shop.nodes[0]: must be a mapping (keys with values), not text",
    ),
    (
        "services:\n shop:\n  nodes:\n  - {name: 1, url: 'http://a'}\n",
        f"4: services.shop.nodes[0].name: {NAME} (put it in quotes), not 1",
    ),
    (SHOP + "listen: 8080\n", f"2: listen: {ADDRESS} not 8080"),
    (SHOP + "listen: []\n", "2: listen: must not be empty"),
    (
        SHOP + "listen: [{adress: '[::1]:80', address: '[::1]:80'}]\n",
        "2: listen[0].adress: is not an option; did you mean `address`?",
    ),
    (SHOP + "listen: ['127.0.0.1:80', x]\n", f'2: listen[1]: {ADDRESS} not "x"'),
    (SHOP + "timeouts: {grace: -1}\n", f"2: timeouts.grace: {DURATION} not -1"),
    (SHOP + "timeouts: {head: 0}\n", "2: timeouts.head: must be a duration from 1ms to 365d, not 0"),
    (SHOP + "timeouts: {head: null}\n", f"2: timeouts.head: {DURATION} not null"),
    (
        SHOP + "limits: {body: 10M}\n",
        '2: limits.body: must be a size such as 512, 64KiB, 10MB or 1GiB, not "10M"',
    ),
    (
        SHOP + "limits: {headers: 012}\n",
        '2: limits.headers: must be an integer from 1 to 10000, not "012"',
    ),
    (
        SHOP + "limits: {headers: 12:30}\n",
        '2: limits.headers: must be an integer from 1 to 10000, not "12:30"',
    ),
    (SHOP + "access_log: {sample: 2}\n", "2: access_log.sample: must be a number from 0 to 1, not 2"),
    (
        SHOP + "access_log: {format: jsno}\n",
        '2: access_log.format: must be `off`, `text` or `json`, not "jsno"; did you mean `json`?',
    ),
    (SHOP + "access_log: {format: 3}\n", "2: access_log.format: must be `off`, `text` or `json`, not 3"),
    (
        SHOP + "forwarded: {trusted_proxies: 10.0.0.0/8}\n",
        "2: forwarded.trusted_proxies: must be a list, not text",
    ),
    (
        SHOP + "forwarded: {via: a b}\n",
        '2: forwarded.via: must be a name of letters, digits and !#$%&\'*+-.^_`|~ (RFC 9110, Via), not "a b"',
    ),
    (SHOP + "forwarded: {request_id: a b}\n", f'2: forwarded.request_id: must be {HEADER}, not "a b"'),
    (SHOP + "routes:\n- {}\n", "3: routes[0].service: is missing"),
    (SHOP + "routes:\n- {service: 3}\n", "3: routes[0].service: must be text, not a number"),
    (
        SHOP + "routes:\n- {service: shop, strip_prefix: yes, path: /a}\n",
        '3: routes[0].strip_prefix: must be true or false, not "yes"',
    ),
    (
        SHOP + "routes:\n- service: shop\n  request_headers:\n    set:\n      a b: c\n",
        f'6: routes[0].request_headers.set.a b: must be {HEADER}, not "a b"',
    ),
    (SHOP + "zebra: x\n", "2: zebra: is not an option"),
    (SHOP + "limits: {haeders: 1}\n", "2: limits.haeders: is not an option; did you mean `headers`?"),
    (
        SHOP + "secrets: [short]\n",
        "2: secrets[0]: must be at least 16 bytes long, not 5 (try `openssl rand -hex 32`)",
    ),
    (
        SHOP + "secrets: [1234567890123456789]\n",
        "2: secrets[0]: must be text of at least 16 bytes, in quotes",
    ),
    (SHOP + "secrets: correct-horse-battery\n", "2: secrets: must be a list, not text"),
    (
        SHOP + "secrets: ['${SECRET}']\n",
        "2: secrets[0]: environment variable `SECRET` is not set; `${NAME:-default}` gives a default",
    ),
]


@pytest.mark.parametrize(("text", "message"), ONE_MISTAKE)
def test_one_mistake_is_one_message(loader: Loader, text: str, message: str) -> None:
    said = loader.problems(text)
    assert len(said) == 1, said
    if message.endswith("is not an option"):
        assert said[0].startswith(message + "; there is `listen`, `admin`")
    else:
        assert said[0] == message


MANY = """\
admin: {listen: 0.0.0.0:9900}
servces: {}
services:
  shop:
    nodes:
      - {name: a, url: "http://127.0.0.1:9001"}
      - {name: a, url: "http://127.0.0.1:9002", wieght: 2}
      - {name: b, url: "http://127.0.0.1:9003", weight: 0, backup: yes}
      - {url: "http://127.0.0.1:9004"}
      - {name: a, url: "http://127.0.0.1:9005"}
    affinity: {mode: wrap}
    health:
  blog:
    affinity: {mode: isue}
    nodes: []
routes:
  - {service: shop}
  - {path: x, service: shop}
  - {service: shp, path: /x}
  - {service: blog}
limits: {line: 1MiB}
"""


def test_all_mistakes_come_at_once_in_order(loader: Loader) -> None:
    said = [line.split(": ")[:2] for line in loader.problems(MANY)]
    assert said == [
        ["1", "admin.listen"],
        ["2", "servces"],
        ["7", "services.shop.nodes[1].wieght"],
        ["7", "services.shop.nodes[1].name"],
        ["8", "services.shop.nodes[2].weight"],
        ["8", "services.shop.nodes[2].backup"],
        ["9", "services.shop.nodes[3].name"],
        ["10", "services.shop.nodes[4].name"],
        ["11", "services.shop.affinity"],
        ["12", "services.shop.health"],
        ["14", "services.blog.affinity.mode"],
        ["15", "services.blog.nodes"],
        ["18", "routes[1].path"],
        ["19", "routes[2].service"],
        ["20", "routes[3]"],
        ["21", "limits.line"],
    ]


def test_nothing_is_concluded_from_what_is_wrong(loader: Loader) -> None:
    nodes = "    - {name: a, url: ftp://x}\n    - {name: b, url: 'http://b', backup: true}\n"
    text = f"services:\n  shop:\n    nodes:\n{nodes}"
    said = loader.problems(text)
    assert len(said) == 1
    assert "nodes[0].url" in said[0]


def test_the_file_and_the_key_stand_before_the_message(loader: Loader) -> None:
    with pytest.raises(ConfigError) as error:
        loader.settings(SHOP + "limits: {headers: 0}\n")
    (problem,) = error.value.problems
    assert str(problem) == f"{loader.path}:2: limits.headers: must be an integer from 1 to 10000, not 0"


def test_a_small_file_is_enough(loader: Loader) -> None:
    found = loader.settings(SHOP)
    assert found.listen == (Listener(address=Address("127.0.0.1", 8080)),)
    assert found.services["shop"].nodes[0].url == NodeUrl("127.0.0.1", 9001)
    assert found.services["shop"].affinity.idle == 1800.0
    assert [(route.host, route.path, route.service) for route in found.routes] == [("*", "/", "shop")]


def test_settings_do_not_change(loader: Loader) -> None:
    found = loader.settings(SHOP)
    with pytest.raises(ValueError, match="frozen"):
        found.limits = found.limits  # type: ignore[misc]


@pytest.mark.parametrize(
    "listen", ["127.0.0.1:80", "['127.0.0.1:80']", "[{address: '127.0.0.1:80'}]", "{address: '127.0.0.1:80'}"]
)
def test_one_listener_needs_no_list(loader: Loader, listen: str) -> None:
    assert loader.settings(f"{SHOP}listen: {listen}\n").listen == (
        Listener(address=Address("127.0.0.1", 80)),
    )


def test_values_of_any_kind_come_from_the_environment(loader: Loader) -> None:
    limits = "limits: {headers: '${H}', body: '${B}'}\n"
    text = SHOP + limits + "forwarded: {request_id: null}\naccess_log: {format: '${F}'}\n"
    found = loader.settings(text, {"H": "7", "B": "1MiB", "F": "json"})
    assert (found.limits.headers, found.limits.body, found.access_log.format) == (7, 2**20, "json")
    assert found.forwarded.request_id is None


@pytest.mark.parametrize(
    "options",
    [
        "secrets: ['${X}']",
        "admin: {token: '${X}'}",
        "listen: '${X}'",
        "limits: {headers: '${X}'}",
        "access_log: {format: '${X}'}",
        "forwarded: {trusted_proxies: ['${X}']}",
        "routes: [{service: shop, host: '${X}'}]",
        "routes: [{service: shop, path: '${X}'}]",
        "routes: [{service: '${X}'}]",
        "routes: [{service: shop, response_headers: {set: {x: '${X}'}}}]",
        "error_pages: {html: '${X}'}",
    ],
)
def test_what_the_environment_holds_is_never_shown(loader: Loader, options: str) -> None:
    said = loader.problems(SHOP + options + "\n", {"X": "hunter2\x01"})
    assert said
    assert all("hunter2" not in line for line in said)


@pytest.mark.parametrize(
    "options",
    [
        "secrets: hunter2",
        "secrets: [hunter2]",
        "secrets: [[hunter2]]",
        "secrets: {hunter2: 1}",
        "secrets: [{a: hunter2}]",
        "secret: hunter2",
        "admin: {token: hunter2}",
        "admin: {tokn: hunter2}",
        "admin: hunter2",
        "secrets: *hunter2",
        "secrets: !hunter2",
        "node_keys: [hunter2]",
        "node_keys: hunter2",
        "node_keys: ['with spaces hunter2']",
        "stores: {main: {redis: 'http://:hunter2@a'}}",
        "stores: {main: {redis: 'redis://:hunter2@a:x'}}",
        "stores: {main: {redis: 'rediss://:hunter2@a?ssl_ca=hunter2'}}",
        "stores: {main: {redis: [hunter2]}}",
        "stores: {main: 'redis://:hunter2@a'}",
        "stores: {main: {redis: 'redis://:hunter2@a'}, other: {redis: 'redis://:hunter2@a'}}",
    ],
)
def test_secrets_are_never_shown(loader: Loader, options: str) -> None:
    said = loader.problems(f"{SHOP}{options}\n")
    assert said
    # The name of an unknown key is shown: that is what is wrong.
    assert all("hunter2" not in line for line in said)


def test_the_url_of_a_store_is_not_shown_where_its_name_should_be(loader: Loader) -> None:
    for option in ("strategy: store, store", "strategy: replication, fallback"):
        said = loader.problems(service(f"sessions: {{{option}: 'redis://:hunter2@a'}}"))
        assert any(line.endswith("must be the name of one of the `stores`") for line in said)
        assert "hunter2" not in str(said)


def test_a_file_that_cannot_be_read(loader: Loader) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file or directory"):
        load(loader.path, {})
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load(loader.folder, {})
    loader.path.write_bytes(b"a: 1\nb: \xff\n")
    with pytest.raises(ConfigError, match=r"proxy\.yaml:2: is not UTF-8"):
        load(loader.path, {})


def test_a_byte_order_mark_is_no_mistake(loader: Loader) -> None:
    loader.path.write_bytes(b"\xef\xbb\xbf" + SHOP.encode())
    found, source = read(loader.path, {})
    assert list(found.services) == ["shop"]
    assert source.lines["services", "shop"] == 1


WORDS = st.sampled_from(
    ["services", "shop", "nodes", "name", "url", "listen", "mode", "a", "*", "/", "http://a", "admin"]
)
TREES = st.recursive(
    WORDS | st.none() | st.booleans() | st.integers(-2, 2000) | st.floats(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(WORDS | st.sampled_from(list(Settings.model_fields)), inner, max_size=4)
    ),
    max_leaves=25,
)


@settings(max_examples=150)
@given(TREES)
def test_any_tree_is_valid_or_has_a_message_in_our_words(tree: object) -> None:
    source = Source("f", "", {})
    source.tree = tree
    for each in Outcome(source).found:
        assert "Input" not in each.message
        assert "valid" not in each.message
        assert each.message != "is not allowed here"
