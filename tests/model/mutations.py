"""The rules of the contract taken out one at a time: each should cost an acknowledged write, or worse."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from limpet_session import rules as node_rules
from sessions import keeper
from sessions.contract import searching, settling
from sessions.contract.course import Course, Do, Step
from sessions.contract.ending import Ending
from sessions.contract.fences import Fences
from sessions.contract.homes import Homes, Work
from sessions.contract.messages import STORE, UNKNOWN, Action, Answer, Call, Kind
from sessions.contract.reconciling import Reconciliation
from sessions.contract.searching import Search
from sessions.contract.settling import Settled, Settling
from sessions.keeper import Keeper
from sessions.keeping.options import KeepingOptions
from tests.model import clients, store
from tests.model.links import Links
from tests.model.proxy import Exchange
from tests.model.watch import Level, Watch

Mutation = Callable[[ExitStack], None]
MUTATIONS: dict[str, Mutation] = {}


def mutation(function: Mutation) -> Mutation:
    """Put it into the table, under its name in words."""
    MUTATIONS[function.__name__.replace("_", " ")] = function
    return function


@contextmanager
def without_rule(name: str) -> Iterator[None]:
    """Run with one rule taken out."""
    with ExitStack() as stack:
        MUTATIONS[name](stack)
        yield


def _swap(stack: ExitStack, owner: Any, name: str, value: Any) -> Any:
    old = getattr(owner, name)
    stack.enter_context(patch.object(owner, name, value))
    return old


# Searching


@mutation
def nobody_is_fenced(stack: ExitStack) -> None:
    _swap(stack, Search, "_fence", lambda self: self._hand_over())


@mutation
def all_are_fenced_at_once(stack: ExitStack) -> None:
    def following(self: Any) -> set[int]:
        self._fenced, self._stages = self.left, []
        fenced: set[int] = self._fenced
        return fenced

    _swap(stack, Fences, "next", following)


@mutation
def an_heir_is_fenced_with_the_others(stack: ExitStack) -> None:
    def __init__(self: Any, answers: Any, targets: Any, pin: int, heir: int) -> None:
        old(self, answers, targets, pin, heir)
        owners, heirs, others = self._stages
        self._stages = [owners, set(), heirs | others]

    old = _swap(stack, Fences, "__init__", __init__)


@mutation
def copies_are_not_waited_for(stack: ExitStack) -> None:
    _swap(stack, Fences, "lacking", lambda self, up, replicas: False)


@mutation
def a_silence_is_taken_for_an_answer(stack: ExitStack) -> None:
    _swap(stack, Search, "silent", lambda self, action: self.answered(action, UNKNOWN))


@mutation
def who_is_down_is_not_waited_for(stack: ExitStack) -> None:
    _swap(stack, Search, "_may_conclude", lambda self: True)


@mutation
def a_fallback_that_is_away_is_not_waited_for(stack: ExitStack) -> None:
    def may_conclude(self: Any) -> bool:
        whole, given_up = self.around, self.around.given_up | {STORE}
        self.around = whole._replace(given_up=given_up) if self.expected == 1 else whole
        try:
            concluded: bool = old(self)
        finally:
            self.around = whole
        return concluded

    old = _swap(stack, Search, "_may_conclude", may_conclude)


@mutation
def the_tokens_version_is_the_truth(stack: ExitStack) -> None:
    def enough(self: Any) -> Answer:
        found = [answer for answer in self._answers.values() if answer.version >= max(1, self.expected)]
        return min(found, key=lambda answer: answer.version, default=UNKNOWN)

    _swap(stack, Search, "_newest", enough)


@mutation
def a_refused_fence_is_passed_over(stack: ExitStack) -> None:
    def answered(self: Any, action: Action, answer: Answer) -> Any:
        return old(self, action, UNKNOWN if answer.kind is Kind.REFUSED else answer)

    old = _swap(stack, Search, "answered", answered)


@mutation
def a_410_does_not_end_a_search(stack: ExitStack) -> None:
    def answered(self: Any, action: Action, answer: Answer) -> Any:
        return old(self, action, UNKNOWN if answer.kind is Kind.ENDED else answer)

    old = _swap(stack, Search, "answered", answered)


@mutation
def a_fencing_number_is_only_one_more(stack: ExitStack) -> None:
    _swap(stack, searching, "fencing_number", lambda above, draw: above + 1)


@mutation
def the_store_is_not_fenced(stack: ExitStack) -> None:
    async def call(self: Any, session_id: str, action: Action, *others: Any) -> Any:
        if action.target == STORE and action.call is Call.FENCE:
            action = Action(Call.GET, STORE)
        return await old(self, session_id, action, *others)

    old = _swap(stack, Links, "call", call)


@mutation
def only_near_nodes_are_asked(stack: ExitStack) -> None:
    def following(self: Any) -> Any:
        whole, self.around = self.around, self.around._replace(up=self.around.up & self._near)
        try:
            return old(self)
        finally:
            self.around = whole

    old = _swap(stack, Search, "_next", following)


# Settling


@mutation
def answers_leave_before_they_are_settled(stack: ExitStack) -> None:
    def __init__(self: Any, options: KeepingOptions, *others: Any) -> None:
        old(self, replace(options, max_lag=1e9), *others)

    old = _swap(stack, Keeper, "__init__", __init__)


@mutation
def reads_leave_before_what_they_saw_is_settled(stack: ExitStack) -> None:
    async def _perform(self: Any, step: Step) -> Any:
        if step.do is Do.SETTLE and self.op is clients._read:
            return self.course.settled(Settled.SETTLED)
        return await old(self, step)

    old = _swap(stack, Exchange, "_perform", _perform)


@mutation
def any_higher_version_supersedes(stack: ExitStack) -> None:
    _swap(stack, settling, "superseded", lambda version, by: by > version)


@mutation
def a_conflict_counts_as_held(stack: ExitStack) -> None:
    def answered(self: Any, target: int, answer: Answer) -> Any:
        return old(self, target, answer._replace(kind=Kind.TAKEN) if answer.kind is Kind.REFUSED else answer)

    old = _swap(stack, Settling, "answered", answered)


@mutation
def the_pin_counts_as_a_copy(stack: ExitStack) -> None:
    _swap(stack, keeper, "copy_holders", lambda around, pin: iter((pin,)))


@mutation
def a_token_does_not_say_unprotected(stack: ExitStack) -> None:
    def release(self: Any, version: int) -> Step:
        step: Step = old(self, version)
        return step._replace(unprotected=False)

    old = _swap(stack, Course, "_release", release)


@mutation
def what_is_unprotected_is_not_settled_again(stack: ExitStack) -> None:
    def __init__(self: Any, terms: Any, name: str, version: int, unprotected: bool, minted: bool) -> None:
        old(self, terms, name, version, False, minted)

    old = _swap(stack, Course, "__init__", __init__)


@mutation
def a_lineage_is_that_of_all_who_have_drawn_it(stack: ExitStack) -> None:
    def put_status(put: Any, version: int, fence: int, node: str, same: bool) -> Any:
        return old(put, version, fence, put.node, same)

    old = _swap(stack, store, "put_status", put_status)


# Ends


@mutation
def an_end_that_a_node_remembers_is_not_told_to_the_store(stack: ExitStack) -> None:
    _swap(stack, Course, "_anew", lambda self: Step(Do.RENAME))


@mutation
def ends_are_not_spread(stack: ExitStack) -> None:
    def end(self: Any, session_id: str, pin: int, over: Callable[[bool], None]) -> None:
        asyncio.get_running_loop().call_soon(over, True)

    _swap(stack, Keeper, "end", end)


@mutation
def a_fallback_is_not_told_of_ends(stack: ExitStack) -> None:
    def __init__(self: Any, replicas: int, candidates: Any, store: bool) -> None:
        old(self, replicas, candidates, store and not replicas)

    old = _swap(stack, Ending, "__init__", __init__)


@mutation
def a_login_does_not_end_the_old_id(stack: ExitStack) -> None:
    def settled(self: Any, verdict: Settled, winner: int = 0) -> Any:
        self._ending = ""
        return old(self, verdict, winner)

    old = _swap(stack, Course, "settled", settled)


# Reconciling


@mutation
def who_comes_back_takes_pins_at_once(stack: ExitStack) -> None:
    def set_level(self: Any, node: int, level: Level) -> None:
        old(self, node, Level.UP if level is Level.SYNCING else level)

    old = _swap(stack, Watch, "set_level", set_level)


@mutation
def a_fallback_gets_only_what_is_written(stack: ExitStack) -> None:
    _swap(stack, Homes, "_missed", lambda self, *what: [])


@mutation
def a_silent_fallback_is_taken_to_have_its_copy(stack: ExitStack) -> None:
    def finished(self: Any, job: Any, ok: bool) -> None:
        old(self, job, ok or job.node == STORE)

    old = _swap(stack, Reconciliation, "finished", finished)


@mutation
def a_store_is_not_told_of_ends_that_it_missed(stack: ExitStack) -> None:
    def judge(self: Any, entries: Any) -> Any:
        self._roles = self._roles._replace(marks=False)
        return old(self, entries)

    old = _swap(stack, Homes, "judge", judge)


@mutation
def a_store_is_not_told_of_writes_that_it_missed(stack: ExitStack) -> None:
    def judge(self: Any, entries: Any) -> Any:
        self._roles = self._roles._replace(behind=False)
        return old(self, entries)

    old = _swap(stack, Homes, "judge", judge)


@mutation
def who_comes_back_is_not_compared_with_the_store(stack: ExitStack) -> None:
    def check(self: Any, entries: Any, owner: int) -> Any:
        return [] if owner in self._roles.syncing else old(self, entries, owner)

    old = _swap(stack, Homes, "_check", check)


@mutation
def who_was_overtaken_serves_on(stack: ExitStack) -> None:
    def judge(self: Any, entries: Any) -> Any:
        verdict = old(self, entries)
        return verdict._replace(jobs=[job for job in verdict.jobs if job.work is not Work.STOP])

    old = _swap(stack, Homes, "judge", judge)


@mutation
def nothing_is_reconciled(stack: ExitStack) -> None:
    async def _do(self: Any, job: Any) -> bool:
        return True

    _swap(stack, Watch, "_do", _do)


# The node's side


@mutation
def a_node_answers_from_a_copy(stack: ExitStack) -> None:
    def _tenure(held: Any, known: Any, request: Any) -> int:
        since: int = old(held, known, request)
        serves = not since and not request.takeover and held.version >= max(1, request.version)
        return held.version if serves else since

    old = _swap(stack, node_rules, "_tenure", _tenure)


@mutation
def a_node_answers_below_the_version_asked_for(stack: ExitStack) -> None:
    def admit(record: Any, request: Any, now: float) -> Any:
        return old(record, request if request.takeover else request._replace(version=0), now)

    old = _swap(stack, node_rules, "admit", admit)


@mutation
def a_takeover_below_the_fence_is_let_in(stack: ExitStack) -> None:
    def admit(record: Any, request: Any, now: float) -> Any:
        return old(record._replace(fence=0) if record and request.takeover else record, request, now)

    old = _swap(stack, node_rules, "admit", admit)


@mutation
def a_copy_below_the_fence_is_taken(stack: ExitStack) -> None:
    def put(record: Any, version: int, state: bytes, ttl: int, now: float) -> Any:
        return old(record._replace(fence=0) if record else record, version, state, ttl, now)

    old = _swap(stack, node_rules, "put", put)


@mutation
def who_is_fenced_serves_on(stack: ExitStack) -> None:
    def fence(record: Any, number: int, ttl: int, now: float) -> Any:
        kept, verdict = old(record, number, ttl, now)
        return (kept._replace(since=record.since) if kept and record else kept), verdict

    old = _swap(stack, node_rules, "fence", fence)


@mutation
def who_gets_a_copy_serves_on(stack: ExitStack) -> None:
    def put(record: Any, version: int, state: bytes, ttl: int, now: float) -> Any:
        kept, verdict = old(record, version, state, ttl, now)
        return (kept._replace(since=record.since) if kept and record else kept), verdict

    old = _swap(stack, node_rules, "put", put)


@mutation
def late_saves_are_kept(stack: ExitStack) -> None:
    _swap(stack, node_rules, "valid", lambda ticket, record: record is not None and not record.ended)


@mutation
def a_node_forgets_ends(stack: ExitStack) -> None:
    _swap(
        stack,
        node_rules,
        "end",
        lambda record, ttl, now: record._replace(version=0, since=0, state=b"") if record else record,
    )
