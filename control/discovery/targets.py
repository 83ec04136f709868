"""What a file of targets says, in the format of Prometheus's `file_sd_configs`, JSON or YAML."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any, get_args

import yaml

from config.addresses import joined, split_authority
from config.discovery_settings import Discover, Port
from config.names import Name
from config.section import Count
from config.settings import Node
from config.values import Parsed, Refused, integer, parse_flag
from control.discovery.source import DiscoveryError, node_at

PREFIX = "limpet_"  # all other labels are for whoever else reads the file


def _parser(kind: object) -> Callable[[object], object]:
    """Of a type of the settings."""
    return next(each.parse for each in get_args(kind) if isinstance(each, Parsed))


LABELS: Mapping[str, Callable[[object], object]] = {
    "name": _parser(Name),
    "weight": _parser(Annotated[int, integer(1, 1000)]),
    "backup": parse_flag,
    "max_connections": _parser(Count),
    "sessions_port": _parser(Port),
}


class _Text(yaml.SafeLoader):
    """Every plain word is text: labels are, and `on` or `012` would be something else."""

    yaml_implicit_resolvers: dict[str, object] = {}  # noqa: RUF012 (PyYAML's own declaration)


def nodes_of_text(discover: Discover, text: str, is_json: bool) -> list[Node]:
    """The nodes in a file's text. Raises DiscoveryError: a file is taken whole, or not at all."""
    return list(_nodes(discover, _tree(text, is_json)))


def _tree(text: str, is_json: bool) -> object:
    try:
        return json.loads(text) if is_json else yaml.load(text, _Text)
    except json.JSONDecodeError as error:
        raise DiscoveryError(f"line {error.lineno}: is not JSON: {error.msg}") from None
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise DiscoveryError(f"{line}is not YAML: {error.problem}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise DiscoveryError(f"cannot be read: {' '.join(str(error).split())}") from None


def _nodes(discover: Discover, tree: object) -> Iterator[Node]:
    if not isinstance(tree, list):
        raise DiscoveryError("must be a list of groups: [{targets: [HOST:PORT, ...], labels: {...}}]")
    for number, group in enumerate(tree):
        place = f"group {number + 1}"
        targets = group.get("targets") if isinstance(group, dict) else None
        labels = group.get("labels") or {} if isinstance(group, dict) else {}
        if not isinstance(targets, list) or not isinstance(labels, dict):
            raise DiscoveryError(f"{place}: must have `targets`, a list, and may have `labels`, a mapping")
        told = _labels(place, labels)
        if "name" in told and len(targets) != 1:
            raise DiscoveryError(f"{place}: `{PREFIX}name` is for a group of one target, not {len(targets)}")
        for target in targets:
            yield _node(discover, place, target, told)


def _labels(place: str, labels: Mapping[object, object]) -> dict[str, Any]:
    """Those that are meant for Limpet, as they are meant."""
    told: dict[str, Any] = {}
    for label, value in labels.items():
        if not isinstance(label, str) or not label.startswith(PREFIX):
            continue
        name = label.removeprefix(PREFIX)
        if name not in LABELS:
            known = ", ".join(f"`{PREFIX}{each}`" for each in LABELS)
            raise DiscoveryError(f"{place}: there is no label `{label}`; there are {known}")
        try:
            told[name] = LABELS[name](value)
        except Refused as refusal:
            raise DiscoveryError(f"{place}: `{label}` {refusal.allowed}") from None
    return told


def _node(discover: Discover, place: str, target: object, told: Mapping[str, Any]) -> Node:
    parts = split_authority(target) if isinstance(target, str) else None
    port = (parts[1] or discover.port) if parts else None
    if parts is None or not port or parts[1] == 0:
        raise DiscoveryError(f"{place}: a target must be HOST:PORT, not {target!r}")
    found = node_at(discover, joined(parts[0], port), (parts[0], port))
    changed = dict(told)
    if "sessions_port" in told:
        changed["sessions_url"] = replace(found.url, port=changed.pop("sessions_port"))
    return found.model_copy(update=changed)
