"""What a file of targets says."""

import json

import pytest

from config.discovery_settings import Discover
from control.discovery.source import DiscoveryError
from control.discovery.targets import nodes_of_text

FILES = Discover(files=("x",))
YAML = """
- targets: ['10.0.0.1:9001', "[fd00::1]:9001", app.example:80]
  labels: {job: shop, env: on}
- targets: [10.0.0.2:9002]
  labels:
    limpet_name: big
    limpet_weight: 3
    limpet_backup: true
    limpet_max_connections: '50'
    limpet_sessions_port: 99
"""


def test_a_target_is_a_node_and_labels_say_more() -> None:
    found = nodes_of_text(FILES, YAML, is_json=False)
    assert [node.name for node in found] == ["10.0.0.1:9001", "[fd00::1]:9001", "app.example:80", "big"]
    assert [str(node.url) for node in found][1:3] == ["http://[fd00::1]:9001", "http://app.example:80"]
    big = found[3]
    assert (big.weight, big.backup, big.max_connections) == (3, True, 50)
    assert str(big.sessions_url) == "http://10.0.0.2:99"
    as_json = json.dumps(
        [
            {"targets": ["10.0.0.1:9001", "[fd00::1]:9001", "app.example:80"]},
            {
                "targets": ["10.0.0.2:9002"],
                "labels": {
                    "limpet_name": "big",
                    "limpet_weight": "3",
                    "limpet_backup": "true",
                    "limpet_max_connections": "50",
                    "limpet_sessions_port": "99",
                },
            },
        ]
    )
    assert nodes_of_text(FILES, as_json, is_json=True) == found


def test_a_port_of_all_is_that_of_targets_without_one() -> None:
    found = nodes_of_text(Discover(files=("x",), port=8000), '[{"targets": ["a", "b:1"]}]', is_json=True)
    assert [node.name for node in found] == ["a:8000", "b:1"]


def test_there_may_be_none() -> None:
    assert nodes_of_text(FILES, "[]", is_json=True) == []
    assert nodes_of_text(FILES, "- targets: []\n", is_json=False) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must be a list of groups"),
        ("targets: []", "must be a list of groups"),
        ("- 7", "group 1: must have `targets`"),
        ("- targets: [a:1]\n- {labels: {}}", "group 2: must have `targets`"),
        ("- targets: [a]", "group 1: a target must be HOST:PORT, not 'a'"),
        ("- targets: [a:0]", "a target must be HOST:PORT"),
        ("- targets: ['http://a:1']", "a target must be HOST:PORT"),
        ("- targets: [[a]]", "a target must be HOST:PORT"),
        ("- {targets: [a:1], labels: {limpet_wieght: 2}}", "there is no label `limpet_wieght`; there are"),
        ("- {targets: [a:1], labels: {limpet_weight: 0}}", "`limpet_weight` must be an integer from 1"),
        ("- {targets: [a:1, b:1], labels: {limpet_name: a}}", "`limpet_name` is for a group of one target"),
        ("- targets: [a:1\n", "line 2: is not YAML"),
        ("- !!python/object:os.system {}", "is not YAML"),
        ("- *a", "is not YAML"),
    ],
)
def test_a_file_is_taken_whole_or_not_at_all(text: str, message: str) -> None:
    with pytest.raises(DiscoveryError) as raised:
        nodes_of_text(FILES, text, is_json=False)
    assert message in str(raised.value)


def test_json_has_its_own_mistakes() -> None:
    with pytest.raises(DiscoveryError, match="line 2: is not JSON: "):
        nodes_of_text(FILES, '[{"targets":\n', is_json=True)
    with pytest.raises(DiscoveryError, match="cannot be read"):
        nodes_of_text(FILES, "[" * 100_000, is_json=True)
