"""What would change if the running Limpet read this file: which options, and whose sessions would move."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypedDict

from config.flat import disguise, flat
from config.settings import AffinityMode, Service, Settings
from routing.ring import Ring

RECOGNITION = ("mode", "cookie", "header")
SAMPLES = 4000  # keys that are looked up on both rings: the share is right to within 2%


class Change(TypedDict):
    """`before`, `after`: None where there is none."""

    key: str
    before: str | None
    after: str | None


class Moves(TypedDict):
    """One service: its sessions that there are now, those that would go to another node, and those of them
    whose state would not come along.

    `elsewhere`: the share of new sessions that would begin on another node.
    """

    service: str
    sessions: int
    moving: int
    lost: int
    elsewhere: float
    why: list[str]


class Difference(TypedDict):
    changes: list[Change]
    services: list[Moves]


def difference(
    running: Mapping[str, Any],
    nodes: Sequence[Mapping[str, Any]],
    after: Settings,
    unknown: Collection[str] = (),
) -> Difference:
    """`running`: what `/api/settings` says, `nodes`: what `/api/nodes` does.

    `unknown`: services whose nodes were looked for, and could not be found: those that there are stay.
    """
    before: dict[str, str] = running["settings"]
    wanted = flat(after, disguise(bytes.fromhex(running["nonce"])))
    for prefix in (f"services.{name}.nodes[" for name in unknown):
        wanted = {key: value for key, value in before.items() if key.startswith(prefix)} | wanted
    keys = sorted(before.keys() | wanted.keys())
    changes = [
        Change(key=key, before=before.get(key), after=wanted.get(key))
        for key in keys
        if before.get(key) != wanted.get(key)
    ]
    forgotten = not _kept_secrets(before, wanted)
    services = dict.fromkeys(fact["service"] for fact in nodes)
    moves = [
        _moves(
            name,
            [fact for fact in nodes if fact["service"] == name],
            before,
            wanted,
            after.services.get(name),
            forgotten,
        )
        for name in services
    ]
    return Difference(changes=changes, services=moves)


def _kept_secrets(before: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Whether tokens that are sealed by the first secret now could be read afterwards."""
    accepted = {value for key, value in wanted.items() if key.startswith("secrets[")}
    return before.get("secrets[0]") is None or before["secrets[0]"] in accepted


def _moves(
    name: str,
    nodes: Sequence[Mapping[str, Any]],
    before: Mapping[str, str],
    wanted: Mapping[str, str],
    service: Service | None,
    forgotten: bool,
) -> Moves:
    sessions = {fact["node"]: _sessions(fact) for fact in nodes}
    total = sum(sessions.values())
    if service is None:
        return _all(name, total, "the service is taken out")
    if forgotten:
        return _all(name, total, "`secrets` no longer has the one that signs now: clients would be strangers")
    changed = [
        option for option in RECOGNITION if _known_by(name, before, option) != _known_by(name, wanted, option)
    ]
    if changed:
        options = ", ".join(f"`affinity.{option}`" for option in changed)
        return _all(name, total, f"{options} would change: clients would be strangers")
    stays = _weights(name, wanted)
    leaving = [node for node in sessions if node not in stays]
    elsewhere = _elsewhere(name, before, wanted, service)
    moving = sum(sessions[node] for node in leaving)
    contract = service.sessions.uses_contract and any(fact["contract"] for fact in nodes)
    why = [f"{node} would leave, with {sessions[node]} sessions" for node in leaving]
    if service.affinity.mode is AffinityMode.HASH and elsewhere:
        moving = max(moving, round(total * elsewhere))
        why.append("`mode: hash` has no pins: sessions go where the ring says")
    return Moves(
        service=name,
        sessions=total,
        moving=moving,
        lost=0 if contract else moving,
        elsewhere=elsewhere,
        why=why,
    )


def _all(name: str, total: int, why: str) -> Moves:
    return Moves(service=name, sessions=total, moving=total, lost=total, elsewhere=1.0, why=[why])


def _known_by(name: str, flat_settings: Mapping[str, str], option: str) -> str:
    default = f"limpet_{name}" if option == "cookie" else ""
    return flat_settings.get(f"services.{name}.affinity.{option}", default)


def _sessions(fact: Mapping[str, Any]) -> int:
    """Those that it serves, as of the last comparison, or those seen lately."""
    served = fact["sessions_served"]
    return int(fact["sessions"] if served is None else served)


def _weights(name: str, flat_settings: Mapping[str, str]) -> dict[str, int]:
    """Of a service's nodes, by name."""
    prefix = f"services.{name}.nodes["
    return {
        key.removeprefix(prefix).removesuffix("].weight"): int(value)
        for key, value in flat_settings.items()
        if key.startswith(prefix) and key.endswith("].weight")
    }


def _elsewhere(name: str, before: Mapping[str, str], after: Mapping[str, str], service: Service) -> float:
    """The share of keys whose first node in ring order is another by name."""
    old, new = _weights(name, before), _weights(name, after)
    points = int(before[f"services.{name}.balance.points"])
    if not (old and new) or (old == new and points == service.balance.points):
        return 0.0
    one, other = Ring(old, points), Ring(new, service.balance.points)
    was, will = list(old), list(new)
    keys = [f"key {number}" for number in range(SAMPLES)]
    return round(sum(was[one.first(key)] != will[other.first(key)] for key in keys) / SAMPLES, 3)


def lines(found: Difference) -> list[str]:
    """For a person."""
    said = [_line(change) for change in found["changes"]] or ["nothing would change"]
    for moves in found["services"]:
        name, total = moves["service"], moves["sessions"]
        said += [f"{name}: {why}" for why in moves["why"]]
        state = "with their state" if not moves["lost"] else "and lose their state"
        said.append(
            f"{name}: no session would move, of {total}"
            if not moves["moving"]
            else f"{name}: {moves['moving']} of {total} sessions would move, {state}"
        )
        if 0 < moves["elsewhere"] < 1:
            said.append(f"{name}: {moves['elsewhere']:.0%} of new sessions would begin on another node")
    return said


def _line(change: Change) -> str:
    key, before, after = change["key"], change["before"], change["after"]
    if before is None:
        return f"+ {key}: {after}"
    if after is None:
        return f"- {key}: {before}"
    return f"~ {key}: {before} -> {after}"
