"""Validates a tree, and where parts are wrong goes on with the rest, so that all mistakes show at once."""

from collections.abc import Iterable

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from config.problems import Found, KeyPath, found
from config.settings import Settings
from config.source import Source

ROUNDS = 12  # leaving a part out can leave what is round it incomplete, up to the root


class Outcome:
    """What could be made of a tree: `settings` of its sound parts (None: too few are) and what is wrong."""

    def __init__(self, source: Source) -> None:
        self.found = list(source.found)
        self.settings: Settings | None = None
        self._gone: set[KeyPath] = {
            self._standing(each.path, source) for each in source.found if not each.line
        }
        for _ in range(ROUNDS):
            if () in self._gone:
                return
            try:
                self.settings = Settings.model_validate(self._sound(source.tree, ()))
                return
            except ValidationError as error:
                self._leave_out(error.errors(include_url=False), source)

    def _leave_out(self, errors: list[ErrorDetails], source: Source) -> None:
        """Take out what is wrong, and note it unless it only follows from what was told before."""
        for each in errors:
            each["loc"] = self._original(each["loc"])
        wrong = self._gone | {each["loc"] for each in errors}
        before = frozenset(self._gone)
        for each in errors:
            path = each["loc"]
            # A list is also called too short when all of its items are wrong: they are told of by themselves.
            emptied = each["type"] == "too_short" and any(
                path == other[: len(path)] != other for other in wrong
            )
            standing = self._standing(path, source)
            if not (emptied or path in before):
                self.found.append(found(each, source.written.get(standing)))
            self._gone.add(self._standing(path[:-1], source) if each["type"] == "missing" else standing)

    def concluded(self, contradictions: Iterable[Found]) -> list[Found]:
        """Those that do not rest on a part that was left out, with their places in the whole tree."""
        kept = []
        for each in contradictions:
            ground = [self._original(path) for path in (each.path, *each.depends)]
            if not any(related(gone, path) for gone in self._gone for path in ground):
                kept.append(each._replace(path=ground[0]))
        return kept

    def _sound(self, value: object, path: KeyPath) -> object:
        """The tree without what is gone."""
        if isinstance(value, dict):
            items = ((key, inner, (*path, key)) for key, inner in value.items())
            return {key: self._sound(inner, here) for key, inner, here in items if here not in self._gone}
        if isinstance(value, list):
            places = ((inner, (*path, index)) for index, inner in enumerate(value))
            return [self._sound(inner, here) for inner, here in places if here not in self._gone]
        return value

    def _original(self, path: KeyPath) -> KeyPath:
        """A path in the whole tree: lists are shorter where an item is gone."""
        real: KeyPath = ()
        for step in path:
            if isinstance(step, int):
                sound_before, step = step, 0
                while sound_before or (*real, step) in self._gone:
                    sound_before -= (*real, step) not in self._gone
                    step += 1
            real = (*real, step)
        return real

    def _standing(self, path: KeyPath, source: Source) -> KeyPath:
        """The part that stands in the file: an item that was written without its list is the list."""
        while path and path not in source.lines:
            path = path[:-1]
        return path


def related(one: KeyPath, other: KeyPath) -> bool:
    """Whether one of them is the other or is in it."""
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]
