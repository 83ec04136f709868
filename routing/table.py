"""Which rule a request falls under: by host, then by the longest path."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from routing.paths import canonical, plain, readings

T = TypeVar("T")
KNOWN_HOSTS = 1024


@dataclass(frozen=True, slots=True, eq=False)
class Rule(Generic[T]):
    """`host`: a name, an address (`[::1]`), `*.example.com` (any number of labels, not none) or `*`.

    `path`: a prefix, on segment boundaries: `/app` and `/app/` both match `/app` and `/app/x`, not `/apple`.
    """

    host: str
    path: str
    target: T


class _Paths(Generic[T]):
    """The rules of one host pattern."""

    __slots__ = ("_longest", "_rules")

    def __init__(self) -> None:
        self._rules: dict[bytes, Rule[T]] = {}
        self._longest = 0

    def add(self, rule: Rule[T]) -> None:
        path = canonical(rule.path.encode())
        if path in self._rules:
            raise ValueError(f"host {rule.host} has two rules for {path.decode(errors='replace')}")
        self._rules[path] = rule
        self._longest = max(self._longest, len(path))

    def find(self, path: bytes) -> Rule[T] | None:
        """The rule of the longest prefix; at most as many look-ups as the longest rule has segments."""
        rules = self._rules
        path = path[: self._longest + 1]  # the one octet more shows whether a segment ends there
        while path:
            if (found := rules.get(path)) is not None:
                return found
            path = path.rpartition(b"/")[0]
        return rules.get(b"/")


class RouteTable(Generic[T]):
    """Finds a request's rule: exact host before wildcard (longest first) before `*`, then the longest path.

    Where a host's own rules have none for the path, the next pattern is asked: `*` with `/` catches all.
    """

    __slots__ = ("_any", "_exact", "_known", "_longest_suffix", "_only", "_wild")

    def __init__(self, rules: Iterable[Rule[T]]) -> None:
        """Raises ValueError for two rules of one host and path, and for a `*` that is not the first label."""
        self._exact: dict[bytes, _Paths[T]] = {}
        self._wild: dict[bytes, _Paths[T]] = {}  # by suffix with its dot: `.example.com`
        self._any: _Paths[T] = _Paths()
        self._known: dict[bytes, tuple[_Paths[T], ...]] = {}
        all_rules = list(rules)
        for rule in all_rules:
            self._paths_of(rule.host).add(rule)
        self._longest_suffix = max(map(len, self._wild), default=0)
        only = all_rules[0] if len(all_rules) == 1 else None
        everything = only is not None and only.host == "*" and canonical(only.path.encode()) == b"/"
        self._only = only if everything else None

    def find(self, host: bytes, path: bytes) -> T | None:
        """The target for a Host field's value (b"" for none) and a request target's path, a query is ignored.

        None where no rule fits, and where servers that read the path differently would put it under different
        rules (`/public/../admin`, `//admin`, `/public%2f..%2fadmin`): such a path is nobody's.
        """
        if self._only is not None:
            return self._only.target
        patterns = self._known.get(host) or self._recognise(host)
        if plain(path):  # 1 us, 8 us for the others
            rule = _first(patterns, path)
            return None if rule is None else rule.target
        rules = {_first(patterns, reading) for reading in readings(path)}
        rule = rules.pop()
        return None if rules or rule is None else rule.target

    def _paths_of(self, host: str) -> _Paths[T]:
        if host == "*":
            return self._any
        name = canonical_host(host.encode())
        if name.startswith(b"*.") and b"*" not in name[1:]:
            return self._wild.setdefault(name[1:], _Paths())
        if not name or b"*" in name:
            raise ValueError(f"a host is a name, *.name or *, not {host!r}")
        return self._exact.setdefault(name, _Paths())

    def _recognise(self, host: bytes) -> tuple[_Paths[T], ...]:
        """The patterns of a host, kept as it was written, up to a limit: a client may write anything."""
        patterns = tuple(self._patterns(canonical_host(host)))
        if len(self._known) < KNOWN_HOSTS and len(host) < 256:
            self._known[host] = patterns
        return patterns

    def _patterns(self, host: bytes) -> Iterator[_Paths[T]]:
        if (exact := self._exact.get(host)) is not None:
            yield exact
        at = host.find(b".", max(1, len(host) - self._longest_suffix)) if self._wild else -1
        while at > 0:
            if (wild := self._wild.get(host[at:])) is not None:
                yield wild
            at = host.find(b".", at + 1)
        yield self._any


def canonical_host(host: bytes) -> bytes:
    """A Host field's value as it is compared: lower-case, without port and trailing dot (RFC 9110, 4.2.3)."""
    if host.startswith(b"["):
        return host.partition(b"]")[0].lower() + b"]"
    return host.partition(b":")[0].lower().removesuffix(b".")


def _first(patterns: Iterable[_Paths[T]], path: bytes) -> Rule[T] | None:
    for paths in patterns:
        if (rule := paths.find(path)) is not None:
            return rule
    return None
