"""How the server is found: by Sentinels, also after a failover, and under TLS."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from sessions.stores.store import Get, Put, Status, StoreError
from tests.examples.running import free_port
from tests.sessions.stores.processes import RedisProcess
from tests.sessions.stores.redis.conftest import opened, until


def put(session_id: str, version: int) -> Put:
    return Put(session_id, version, b"x", "a", 60.0)


class Trio:
    """A master, its replica, and a Sentinel that watches them."""

    def __init__(self, directory: Path) -> None:
        self.master = RedisProcess(directory / "master", "--save", "")
        self.replica = RedisProcess(
            directory / "replica", "--save", "", "--replicaof", "127.0.0.1", str(self.master.port)
        )
        self.sentinel = RedisProcess(
            directory / "sentinel",
            f"sentinel monitor sessions 127.0.0.1 {self.master.port} 1",
            "sentinel down-after-milliseconds sessions 500",
            "sentinel failover-timeout sessions 3000",
            sentinel=True,
        )

    @property
    def url(self) -> str:
        """The first Sentinel is one that does not exist."""
        return f"redis+sentinel://127.0.0.1:{free_port()},127.0.0.1:{self.sentinel.port}/sessions/0"

    def stop(self) -> None:
        for server in (self.sentinel, self.replica, self.master):
            server.stop()


@pytest.fixture
def trio(tmp_path: Path) -> Iterator[Trio]:
    servers = Trio(tmp_path)
    yield servers
    servers.stop()


async def test_the_master_is_found_again_after_a_failover(trio: Trio) -> None:
    await until(lambda: b"state=online" in bytes(trio.master.ask("INFO", "replication")))
    await until(lambda: b"slaves=1" in bytes(trio.sentinel.ask("INFO", "sentinel")))
    async with opened(trio.url, wait_replicas=1) as store:
        assert (await store.run([put("id", 1)]))[0].status == Status.TAKEN
    async with opened(trio.url) as store:
        trio.master.stop()
        (outcome,) = await store.run([put("id", 2)])
        assert outcome.status == Status.FAILED and not store.up
        await until(lambda: store.up)
        outcomes = await store.run([Get("id"), put("id", 2)])
        assert [outcome.version for outcome in outcomes] == [1, 2]
    trio.sentinel.stop()
    async with opened(trio.url) as store:
        assert not store.up
        assert "Sentinel 127.0.0.1" in (await store.run([Get("id")]))[0].why


async def test_a_replica_that_a_sentinel_takes_for_the_master_is_not_used(trio: Trio, tmp_path: Path) -> None:
    port = trio.replica.port
    await until(lambda: b"master_link_status:up" in bytes(trio.replica.ask("INFO", "replication")))
    wrong = RedisProcess(tmp_path / "wrong", f"sentinel monitor sessions 127.0.0.1 {port} 1", sentinel=True)
    try:
        async with opened(f"redis+sentinel://127.0.0.1:{wrong.port}/sessions") as store:
            assert (await store.run([Get("id")]))[0].why == f"127.0.0.1:{port} is not the master yet"
    finally:
        wrong.stop()


async def test_a_master_that_no_sentinel_knows(trio: Trio) -> None:
    async with opened(trio.url.replace("/sessions/", "/unheard/")) as store:
        assert (await store.run([Get("id")]))[0].why.endswith("it knows no master called unheard")


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[tuple[RedisProcess, Path]]:
    """A server under TLS alone, and the file of its CA."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    certificate = authority.issue_cert("127.0.0.1", "localhost")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    port = free_port()
    server = RedisProcess(
        tmp_path / "redis",
        *("--save", "", "--tls-port", str(port), "--tls-auth-clients", "no"),
        *("--tls-cert-file", str(tmp_path / "cert.pem"), "--tls-key-file", str(tmp_path / "key.pem")),
        *("--tls-ca-cert-file", str(tmp_path / "ca.pem")),
    )
    server.tls_port = port
    yield server, tmp_path / "ca.pem"
    server.stop()


async def test_tls_with_a_ca_of_ones_own(secured: tuple[RedisProcess, Path]) -> None:
    server, authority = secured
    async with opened(f"rediss://127.0.0.1:{server.tls_port}?ssl_ca_certs={authority}") as store:
        assert (await store.run([put("id", 1), Get("id")]))[1].version == 1
    async with opened(f"rediss://127.0.0.1:{server.tls_port}?ssl_cert_reqs=none") as store:
        assert (await store.run([Get("id")]))[0].version == 1


async def test_a_certificate_of_nobody_that_is_trusted_is_refused(secured: tuple[RedisProcess, Path]) -> None:
    server, _ = secured
    async with opened(f"rediss://127.0.0.1:{server.tls_port}") as store:
        assert not store.up
        assert "certificate verify failed" in (await store.run([Get("id")]))[0].why


async def test_a_ca_file_that_is_missing_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="TLS: "):
        async with opened(f"rediss://127.0.0.1:1?ssl_ca_certs={tmp_path / 'none.pem'}"):
            pass
