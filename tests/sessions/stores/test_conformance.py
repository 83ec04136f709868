"""What every store must answer: the same tests against Redis, the embedded store and the reference."""

import time
from collections.abc import Callable

import pytest

from sessions.stores.store import End, Fence, Get, Outcome, Put, Status, Store, Touch

HIGHEST = 2**53 - 1
LINEAGE = 2**20
TAKEOVER = 2**32
TTL = 60.0
NewId = Callable[[], str]


def put(session_id: str, version: int, state: bytes = b"x", node: str = "a", base: int = -1) -> Put:
    return Put(session_id, version, state, node, TTL, base)


async def status(store: Store, operation: Put | Touch | Get | Fence | End) -> Status:
    return (await store.run([operation]))[0].status


async def test_what_was_put_is_got(store: Store, new_id: NewId) -> None:
    id = new_id()
    assert await store.run([put(id, 7, b"\0\xff\r\n state", "node-1")]) == [
        Outcome(Status.TAKEN, 7, 0, "node-1")
    ]
    assert await store.run([Get(id)]) == [Outcome(Status.TAKEN, 7, 0, "node-1", b"\0\xff\r\n state")]


async def test_nothing_is_known_of_a_session_that_was_never_put(store: Store, new_id: NewId) -> None:
    id = new_id()
    assert await store.run([Get(id), Touch(id, TTL), Get(id)]) == [Outcome(Status.UNKNOWN)] * 3


@pytest.mark.parametrize("size", [0, 1, 300_000])
async def test_states_of_any_size(store: Store, new_id: NewId, size: int) -> None:
    id, state = new_id(), b"s" * size
    assert await status(store, put(id, 2, state)) == Status.TAKEN
    assert (await store.run([Get(id)]))[0] == Outcome(Status.TAKEN, 2, 0, "a", state)


@pytest.mark.parametrize(
    ("held", "version", "expected"),
    [
        (1, 2, Status.TAKEN),  # the next
        (1, 5, Status.TAKEN),  # a lower one of the same writer
        (5, 4, Status.SUPERSEDED),
        (5, 5, Status.TAKEN),  # the same bytes once more
        (5, TAKEOVER + 1, Status.TAKEN),  # less than its lineage
        (LINEAGE - 1, LINEAGE, Status.TAKEN),
        (TAKEOVER + 1, 5, Status.CONFLICT),
        (TAKEOVER + 1, 2 * TAKEOVER + 3 * LINEAGE, Status.TAKEN),
        (TAKEOVER + LINEAGE, TAKEOVER + LINEAGE - 1, Status.CONFLICT),  # the lineage below
        (TAKEOVER + LINEAGE + 1, TAKEOVER + LINEAGE, Status.SUPERSEDED),
        (HIGHEST - 1, HIGHEST, Status.TAKEN),
        (HIGHEST, HIGHEST - 1, Status.SUPERSEDED),
        (HIGHEST, HIGHEST - LINEAGE, Status.CONFLICT),
        (HIGHEST, HIGHEST, Status.TAKEN),
    ],
)
async def test_the_rule(store: Store, new_id: NewId, held: int, version: int, expected: Status) -> None:
    id = new_id()
    first, second = await store.run([put(id, held), put(id, version)])
    assert (first.status, second.status) == (Status.TAKEN, expected)
    kept = version if expected == Status.TAKEN else held
    assert second.version == kept
    assert (await store.run([Get(id)]))[0].version == kept


async def test_the_same_version_with_other_bytes_is_a_conflict(store: Store, new_id: NewId) -> None:
    id = new_id()
    await store.run([put(id, 3, b"mine", "a")])
    assert await store.run([put(id, 3, b"yours", "b")]) == [Outcome(Status.CONFLICT, 3, 0, "a")]
    assert (await store.run([Get(id)]))[0].state == b"mine"


@pytest.mark.parametrize("number", [TAKEOVER, HIGHEST])
async def test_a_fence_refuses_what_is_below_it(store: Store, new_id: NewId, number: int) -> None:
    id = new_id()
    await store.run([put(id, 4, b"four")])
    assert await store.run([Fence(id, number, TTL)]) == [Outcome(Status.TAKEN, 4, number, "a", b"four")]
    assert await store.run([put(id, 5)]) == [Outcome(Status.CONFLICT, 4, number, "a")]
    assert await status(store, put(id, number - 1)) == Status.CONFLICT
    assert await store.run([put(id, number, b"new", "b")]) == [Outcome(Status.TAKEN, number, number, "b")]


async def test_what_was_held_before_the_fence_stays_settled(store: Store, new_id: NewId) -> None:
    id = new_id()
    await store.run([put(id, 4, b"four"), Fence(id, TAKEOVER, TTL)])
    assert await status(store, put(id, 4, b"four")) == Status.TAKEN
    assert await status(store, put(id, 3)) == Status.SUPERSEDED


async def test_a_fence_must_be_above_all_that_is_held(store: Store, new_id: NewId) -> None:
    id = new_id()
    assert await store.run([Fence(id, TAKEOVER, TTL)]) == [Outcome(Status.TAKEN, 0, TAKEOVER)]
    assert await store.run([Fence(id, TAKEOVER, TTL)]) == [Outcome(Status.CONFLICT, 0, TAKEOVER)]
    await store.run([put(id, TAKEOVER + 9)])
    assert await store.run([Fence(id, TAKEOVER + 9, TTL)]) == [
        Outcome(Status.CONFLICT, TAKEOVER + 9, TAKEOVER, "a")
    ]


async def test_a_fence_alone_is_no_session(store: Store, new_id: NewId) -> None:
    id = new_id()
    await store.run([Fence(id, TAKEOVER, TTL)])
    assert await store.run([Get(id), Touch(id, TTL)]) == [Outcome(Status.UNKNOWN, 0, TAKEOVER)] * 2
    assert await status(store, put(id, 1)) == Status.CONFLICT


async def test_an_ended_session_stays_ended(store: Store, new_id: NewId) -> None:
    id = new_id()
    await store.run([put(id, 4), Fence(id, TAKEOVER, TTL)])
    assert await store.run([End(id, TTL)]) == [Outcome(Status.TAKEN)]
    everything = [put(id, HIGHEST), Touch(id, TTL), Get(id), Fence(id, HIGHEST, TTL)]
    assert await store.run(everything) == [Outcome(Status.ENDED)] * 4
    assert await store.run([End(id, TTL), Get(id)]) == [Outcome(Status.TAKEN), Outcome(Status.ENDED)]


async def test_one_that_was_never_held_can_be_ended(store: Store, new_id: NewId) -> None:
    id = new_id()
    assert await store.run([End(id, TTL), put(id, 1)]) == [Outcome(Status.TAKEN), Outcome(Status.ENDED)]


@pytest.mark.parametrize(
    ("base", "expected"),
    [(5, Status.TAKEN), (4, Status.CONFLICT), (6, Status.CONFLICT), (-1, Status.TAKEN)],
)
async def test_a_writer_that_fenced_nobody_writes_above_its_base_alone(
    store: Store, new_id: NewId, base: int, expected: Status
) -> None:
    id = new_id()
    await store.run([put(id, 5)])
    assert await status(store, put(id, TAKEOVER + 1, b"z", "b", base)) == expected


async def test_a_base_binds_neither_the_first_write_nor_ones_own_lineage(store: Store, new_id: NewId) -> None:
    id = new_id()
    assert await status(store, put(id, TAKEOVER + 1, b"1", "a", 5)) == Status.TAKEN
    assert await status(store, put(id, TAKEOVER + 3, b"3", "a", 5)) == Status.TAKEN


@pytest.mark.parametrize("version", [TAKEOVER + 2, TAKEOVER + 4])
async def test_nor_is_it_bound_to_what_another_wrote_who_has_drawn_the_same(
    store: Store, new_id: NewId, version: int
) -> None:
    """Two fenced nobody, and handed over what they both found, by the same number."""
    id = new_id()
    await store.run([put(id, 5), put(id, TAKEOVER + 3, b"b", "b", 5)])
    assert await status(store, put(id, version, b"a", "a", 5)) == Status.CONFLICT
    assert await status(store, put(id, TAKEOVER + 5, b"b", "b", 5)) == Status.TAKEN


async def test_operations_of_one_batch_are_done_in_order(store: Store, new_id: NewId) -> None:
    one, two = new_id(), new_id()
    outcomes = await store.run(
        [
            put(one, 1),
            put(two, 9),
            put(one, 2),
            Get(one),
            End(two, TTL),
            put(two, 10),
            Fence(one, TAKEOVER, TTL),
        ]
    )
    assert [(outcome.status, outcome.version) for outcome in outcomes] == [
        (Status.TAKEN, 1),
        (Status.TAKEN, 9),
        (Status.TAKEN, 2),
        (Status.TAKEN, 2),
        (Status.TAKEN, 0),
        (Status.ENDED, 0),
        (Status.TAKEN, 2),
    ]


async def test_an_empty_batch_is_nothing(store: Store) -> None:
    assert await store.run([]) == []


async def gone(store: Store, id: str) -> None:
    """Return when nothing is known of the session any more."""
    deadline = time.monotonic() + 60
    while (await store.run([Get(id)]))[0] != Outcome(Status.UNKNOWN):
        assert time.monotonic() < deadline, "it does not expire"


@pytest.mark.parametrize(
    "operation",
    [
        Put("", 3, b"x", "a", 0.05),
        Fence("", TAKEOVER, 0.05),
        End("", 0.05),
    ],
    ids=["put", "fence", "end"],
)
async def test_everything_is_forgotten_after_its_ttl(
    store: Store, new_id: NewId, operation: Put | Fence | End
) -> None:
    id = new_id()
    assert await status(store, operation._replace(id=id)) == Status.TAKEN
    await gone(store, id)
    assert await store.run([put(id, 1)]) == [Outcome(Status.TAKEN, 1, 0, "a")]


@pytest.mark.parametrize(
    ("operation", "left"),
    [
        (Touch("", 0.05), Status.TAKEN),
        (Put("", 3, b"x", "a", 0.05), Status.TAKEN),
        (Put("", 2, b"x", "a", 0.05), Status.TAKEN),
        (Fence("", TAKEOVER, 0.05), Status.TAKEN),
        (End("", 0.05), Status.ENDED),
    ],
    ids=["touch", "put", "same", "fence", "end"],
)
async def test_a_ttl_only_lengthens(
    store: Store, new_id: NewId, operation: Put | Touch | Fence | End, left: Status
) -> None:
    id, other = new_id(), new_id()
    await store.run([put(id, 2), operation._replace(id=id), Put(other, 1, b"", "a", 0.1)])
    await gone(store, other)
    assert await status(store, Get(id)) == left


async def test_a_touch_and_a_settled_write_keep_a_session_for_longer(store: Store, new_id: NewId) -> None:
    kept = {
        new_id(): operation
        for operation in (Touch("", TTL), Put("", 2, b"x", "a", TTL), Put("", 1, b"", "a", TTL))
    }
    left = new_id()
    await store.run([Put(id, 2, b"x", "a", 1.0) for id in [*kept, left]])
    outcomes = await store.run([operation._replace(id=id) for id, operation in kept.items()])
    assert {outcome.status for outcome in outcomes} == {Status.TAKEN, Status.SUPERSEDED}
    await gone(store, left)
    assert {outcome.version for outcome in await store.run([Get(id) for id in kept])} == {2}
