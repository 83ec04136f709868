"""What is compared, with how much of what, for how long."""

from dataclasses import dataclass
from pathlib import Path

from config.store_urls import StoreUrl
from config.values import Refused

STRATEGIES = ("affinity", "replication", "store")
NODES = ("a", "b", "c")
VICTIM = "b"
RATE = 100.0  # requests a second for each strategy: three of them leave two cores more idle than busy
WRITES_EVERY = 3  # of a user's requests one in three writes
LONGEST = 60.0  # seconds that are waited for what should come at once


@dataclass(frozen=True, slots=True)
class Act:
    """A part of the run with its share of the time."""

    name: str
    share: float


CALM = Act("nothing happens", 0.30)
DEAD = Act("a node is dead", 0.25)
BACK = Act("the node is back", 0.10)
AWAY = Act("the store is gone", 0.20)
HEALED = Act("the store is back", 0.15)


@dataclass(frozen=True, slots=True)
class Plan:
    """`seconds` of load, at least: an act goes on until what it is for has come about. `sessions` for each
    strategy. `redis`: the URL of somebody's server, "" for a file of Limpet's own."""

    seconds: float = 30.0
    sessions: int = 1000
    strategies: tuple[str, ...] = STRATEGIES
    redis: str = ""

    @property
    def stored(self) -> bool:
        """Whether there is a store to take away."""
        return "store" in self.strategies

    @property
    def acts(self) -> tuple[Act, ...]:
        """In their order."""
        return (CALM, DEAD, BACK, AWAY, HEALED) if self.stored else (CALM, DEAD, BACK)

    def lasting(self, act: Act) -> float:
        """Its seconds, at least."""
        return self.seconds * act.share / sum(each.share for each in self.acts)


def make_plan(
    seconds: float, sessions: int, strategies: str | None, redis: str, plot: str | None
) -> tuple[Plan, Path | None]:
    """From what a person gave; raises ValueError for what cannot be."""
    chosen = STRATEGIES if strategies is None else tuple(dict.fromkeys(strategies.split(",")))
    if not set(chosen) <= set(STRATEGIES):
        raise ValueError(f"--strategies: some of {','.join(STRATEGIES)}, not {strategies}")
    if not 5 <= seconds <= 3600:
        raise ValueError(f"--seconds: from 5 to 3600, not {seconds:g}")
    if redis and "store" not in chosen:
        raise ValueError("--redis: there is no `store` among the strategies")
    _check_url(redis)
    file = Path(plot) if plot else None
    if file is not None and (file.suffix not in (".png", ".svg") or not file.parent.is_dir()):
        raise ValueError(
            f"--plot: a file that ends with .png or .svg, in a directory that is there, not {plot}"
        )
    return Plan(seconds, sessions, tuple(sorted(chosen)), redis), file


def _check_url(redis: str) -> None:
    """Raises ValueError, which does not show it."""
    if not redis:
        return
    try:
        StoreUrl.parse(redis)
    except Refused as error:
        raise ValueError(f"--redis: {error.allowed}") from None
    if not redis.startswith("redis://"):
        raise ValueError("--redis: must be redis://[USER:PASSWORD@]HOST[:PORT][/DB]: one server, without TLS")
