"""The settings, the file that explains them and their page in the docs know the same options."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.loading import load
from config.options import Option, options, section_at
from config.partial import Outcome
from config.section import Section
from config.settings import Affinity, HeaderEdit, Listener, Node, Service, Settings
from config.source import Source
from config.values import listed

ROOT = Path(__file__).parent.parent.parent
FILE = ROOT / "proxy.yaml"
OPTIONS = {option.key: option for option in options()}
WITH_DEFAULT = [
    option
    for option in OPTIONS.values()
    if option.default is not None and not isinstance(option.default, dict)
]
SHOWN_SHORT = {
    "listen",
    "secrets",
    "secrets_file",
    "node_keys",
    "node_keys_file",
    "routes",
    "services.NAME.nodes",
    "services.NAME.discover.files",
    "services.NAME.discover.resolvers",
}  # shown with an example instead of their default


def uncommented() -> str:
    """The file with every option on that a `#` right before its key turns off."""
    text = re.sub(r"^listen: .*\n", "", FILE.read_text(), flags=re.MULTILINE)
    return re.sub(r"^( *)#(?=(?:  )*(?:- )?[a-z_]+:(?: |$))", r"\1", text, flags=re.MULTILINE)


def values(tree: object, key: str = "") -> Iterator[tuple[str, object]]:
    """Every value of a tree under the key that its option has."""
    yield key, tree
    if isinstance(tree, dict):
        for name, value in tree.items():
            step = "NAME" if key in ("services", "stores") else name
            yield from values(value, f"{key}.{step}".removeprefix("."))
    if isinstance(tree, list):
        for value in tree:
            yield from values(value, f"{key}[]")


@pytest.fixture(scope="module")
def shown() -> dict[str, object]:
    """The first value of each option in the file."""
    names = ("LIMPET_SECRET", "LIMPET_ADMIN_TOKEN", "LIMPET_NODE_KEY")
    source = Source("proxy.yaml", uncommented(), dict.fromkeys(names, "x" * 16))
    assert Outcome(source).found == []
    return dict(reversed([*values(source.tree)]))


def test_every_option_is_found() -> None:
    assert {
        "listen[].address",
        "services.NAME.nodes[].weight",
        "routes[].request_headers.set",
        "error_pages.json",
    } <= {*OPTIONS}
    assert len(OPTIONS) > 80
    assert {option.section for option in OPTIONS.values()} == {*Section.__subclasses__()}


@pytest.mark.parametrize(
    ("path", "section"),
    [
        ((), Settings),
        (("services",), None),
        (("services", "shop"), Service),
        (("services", "shop", "affinity"), Affinity),
        (("services", "shop", "nodes"), None),
        (("services", "shop", "nodes", 7), Node),
        (("listen", 0), Listener),
        (("routes", 0, "request_headers"), HeaderEdit),
        (("routes", 0, "request_headers", "set"), None),
        (("nonsense", "more"), None),
    ],
)
def test_a_path_leads_to_its_section(path: tuple[str | int, ...], section: type[Section] | None) -> None:
    assert section_at(path) is section


@pytest.mark.parametrize("key", OPTIONS)
def test_every_option_says_what_it_is(key: str) -> None:
    description = OPTIONS[key].field.description
    assert description
    assert description.endswith(".")


def test_the_file_runs_as_it_is() -> None:
    found = load(FILE, {})
    assert [node.name for node in found.services["shop"].nodes] == ["a", "b", "c"]
    assert found.secrets == ()
    assert found.model_copy(update={"services": {}, "routes": ()}) == Settings.model_construct(services={})


@pytest.mark.parametrize("key", OPTIONS)
def test_the_file_explains_every_option(shown: dict[str, object], key: str) -> None:
    assert key in shown


@pytest.mark.parametrize("option", WITH_DEFAULT, ids=lambda option: str(option.key))
def test_the_file_shows_the_true_defaults(shown: dict[str, object], option: Option) -> None:
    if option.key not in SHOWN_SHORT:
        value = shown[option.key]
        assert (listed(value) if isinstance(option.default, list) else value) == option.default


HEADING = re.compile(r"^##+ .*`([A-Za-z_.\[\]]+)`$")
ROW = re.compile(r"^\| `([a-z_]+)` \| (.*?) \| (.*) \|$")


def documented() -> dict[str, str]:
    """The default that docs/configuration.md states for each option, by key."""
    prefix, found = "", {}
    for line in (ROOT / "docs" / "configuration.md").read_text().splitlines():
        if heading := HEADING.match(line):
            prefix = heading[1] + "."
        elif line.startswith("## "):
            prefix = ""
        elif row := ROW.match(line):
            assert len(row[3]) > 20, f"{row[1]} is not explained"
            found[prefix + row[1]] = row[2]
    return found


def stated(option: Option) -> str:
    """How the page writes an option's default."""
    default = option.default
    if option.field.is_required():
        return "required"
    if default is None or default in ([], {}) or isinstance(default, dict):
        return "none" if not isinstance(default, dict) or not default else "section"
    first = listed(default)[0]
    shown = first["address"] if isinstance(first, dict) else first
    return f"`{str(shown).lower() if isinstance(shown, bool) else shown}`"


def test_the_page_explains_every_option_and_its_default() -> None:
    sections = {key for key, option in OPTIONS.items() if isinstance(option.default, dict) and option.default}
    expected = {key: stated(option) for key, option in OPTIONS.items() if key not in sections}
    # Both edits have the same options, and are explained once.
    expected = {key.replace("response_headers", "request_headers"): value for key, value in expected.items()}
    assert documented() == expected
