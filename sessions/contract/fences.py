"""In which order a session's holders are fenced by who takes it over.

A node lets the requests that it works on send their heads before a fence. Another proxy may have sent these,
and has what they saved copied. Were the holders of copies fenced by then, it would be refused, though it is
part of what is handed over. So who may be at work comes first, and the next when copies have what was saved.
"""

from collections.abc import Mapping, Set

from sessions.contract.messages import STORE, UNKNOWN, Answer, Kind

_STAGES = 3


class Fences:
    """Of one round of a search. `answers`: what each target has said last; they change as it goes on."""

    __slots__ = ("_answers", "_before", "_fenced", "_stages")

    def __init__(self, answers: Mapping[int, Answer], targets: Set[int], pin: int, heir: int) -> None:
        """First whoever served it, then the heir, which a rival may have made the owner by now."""
        owners = {target for target in targets if answers.get(target, UNKNOWN).serving}
        if answers.get(pin, UNKNOWN).kind is Kind.HELD:
            owners.add(pin)
        self._answers = answers
        self._stages = [owners, {heir} - owners, set(targets) - owners - {heir}]
        self._fenced: set[int] = set()  # by the last fences
        self._before = 0  # the newest version before them: it waits for no copies but an owner's

    @property
    def left(self) -> set[int]:
        """Who is still to be fenced."""
        return {target for stage in self._stages for target in stage}

    def next(self) -> set[int]:
        """Who is to be fenced now; empty: all have been."""
        while self._stages:
            self._before = self._newest(self._answers.keys()) if len(self._stages) < _STAGES else 0
            self._fenced = self._stages.pop(0)
            if self._fenced:
                return self._fenced
        return set()

    def lacking(self, up: Set[int], replicas: int) -> bool:
        """Whether copies may be on their way of what was saved before the last fences."""
        version = self._newest(self._fenced & self._answers.keys())
        if version <= max(self._before, 1):
            return False
        others = self.left & up
        wanted = min(replicas, len(others - {STORE})) or int(STORE in others)
        return sum(self._answers.get(target, UNKNOWN).version >= version for target in others) < wanted

    def _newest(self, targets: Set[int]) -> int:
        return max((self._answers[target].version for target in targets), default=0)
