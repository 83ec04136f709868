"""Sockets at which workers accept: one for each, those that were handed on first, and none twice."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from config.addresses import Address
from control.workers.doors import SharedSite
from proxy.front import Door

ANY = Address("127.0.0.1", 0)


@asynccontextmanager
async def site(address: Address, workers: int, sockets: list[socket.socket]) -> AsyncIterator[SharedSite]:
    made = SharedSite(address, Door(), workers, sockets)
    try:
        await made.start()
        yield made
    finally:
        await made.stop()


def copies(of: SharedSite) -> list[socket.socket]:
    """As another process gets them."""
    return [socket.socket(fileno=socket.dup(each)) for each in of.descriptors]


async def test_each_worker_has_its_own_at_one_port() -> None:
    async with site(ANY, 3, []) as made:
        dealt = [made.dealt_to(worker) for worker in range(3)]
        assert len({each for group in dealt for each in group}) == 3
        ports = set()
        for each in copies(made):
            with each:
                ports.add(each.getsockname()[1])
        assert ports == {int(made.url.rpartition(":")[2])}


@pytest.mark.parametrize("workers", [1, 2, 3, 5])
async def test_all_that_were_handed_on_are_accepted_at(workers: int) -> None:
    async with site(ANY, 3, []) as old, site(ANY, workers, copies(old)) as new:
        dealt = [each for worker in range(workers) for each in new.dealt_to(worker)]
        assert sorted(dealt) == sorted(new.descriptors)
        assert len(dealt) == max(3, workers)
        assert all(new.dealt_to(worker) for worker in range(workers))


async def test_one_that_was_made_for_one_process_is_shared() -> None:
    alone = socket.create_server(("127.0.0.1", 0))
    async with site(ANY, 2, [alone]) as made:
        assert made.dealt_to(0) == made.dealt_to(1) == [alone.fileno()]


async def test_an_address_that_another_listens_on_is_refused() -> None:
    async with site(ANY, 2, []) as other:
        taken = Address("127.0.0.1", int(other.url.rpartition(":")[2]))
        with pytest.raises(OSError, match="in use"):
            async with site(taken, 2, []):
                pass


async def test_a_unix_socket_is_shared_and_takes_the_place_of_one_left_behind(tmp_path: Path) -> None:
    path = f"{tmp_path}/limpet.sock"
    left = socket.socket(socket.AF_UNIX)
    left.bind(path)
    left.close()
    async with site(Address(path=path), 2, []) as made:
        assert made.dealt_to(0) == made.dealt_to(1)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
    assert made.url == f"unix:{path}"
