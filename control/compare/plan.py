"""What is compared, with how much of what, for how long."""

from collections.abc import Mapping
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


@dataclass(frozen=True, slots=True)
class Pictures:
    """The files that are to be made of what was found."""

    plot: Path | None = None
    report: Path | None = None


def make_plan(seconds: float, sessions: int, strategies: str | None, redis: str) -> Plan:
    """From what a person gave; raises ValueError for what cannot be."""
    chosen = STRATEGIES if strategies is None else tuple(dict.fromkeys(strategies.split(",")))
    if not set(chosen) <= set(STRATEGIES):
        raise ValueError(f"--strategies: some of {','.join(STRATEGIES)}, not {strategies}")
    if not 5 <= seconds <= 3600:
        raise ValueError(f"--seconds: from 5 to 3600, not {seconds:g}")
    if redis and "store" not in chosen:
        raise ValueError("--redis: there is no `store` among the strategies")
    _check_url(redis)
    return Plan(seconds, sessions, tuple(sorted(chosen)), redis)


def make_pictures(plot: str | None, report: str | None) -> Pictures:
    """From what a person gave; raises ValueError for what cannot be."""
    return Pictures(_file("--plot", plot, ".png", ".svg"), _file("--report", report, ".html"))


def redis_url(given: str, variable: str | None, env: Mapping[str, str]) -> str:
    """The URL itself or from an environment variable, where no other user of the machine can read it.

    Raises ValueError.
    """
    if variable is None:
        return given
    if given:
        raise ValueError("--redis and --redis-env cannot be combined: give one of them")
    if not env.get(variable):
        raise ValueError(f"--redis-env: there is no variable {variable} in the environment")
    return env[variable]


def _file(option: str, path: str | None, *endings: str) -> Path | None:
    if not path:
        return None
    file = Path(path)
    if file.suffix not in endings or not file.parent.is_dir() or file.is_dir():
        words = f"a file that ends with {' or '.join(endings)}, in a directory that is there"
        raise ValueError(f"{option}: {words}, not {path}")
    return file


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
