"""The other end of NOTIFY_SOCKET, which believes the main process alone: over a reload and an upgrade."""

import asyncio
import contextlib
import os
import signal
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

from tests.control.process import PATIENCE, command, configuration, eventually, running
from tests.control.test_upgrade import alive

CREDENTIALS = struct.Struct("3i")  # of who has sent a datagram: its process, user and group


class Manager:
    """What systemd does with `NotifyAccess=main`."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._socket.bind(path)
        self._socket.setblocking(False)
        asyncio.get_running_loop().add_reader(self._socket, self._hear)
        self.main = 0
        self.said: list[tuple[int, dict[str, str]]] = []  # by the main process, and by which that was

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    async def hears(self, key: str, value: str, by: int) -> dict[str, str]:
        """Wait until the main process has said so, and it was this one; what it said with it."""
        await eventually(lambda: self._found(key, value, by))
        (found, *_) = self._found(key, value, by)
        return found

    def _found(self, key: str, value: str, by: int) -> list[dict[str, str]]:
        return [said for sender, said in self.said if sender == by and said.get(key) == value]

    def _hear(self) -> None:
        data, extra, _, _ = self._socket.recvmsg(4096, socket.CMSG_SPACE(CREDENTIALS.size))
        sender = CREDENTIALS.unpack(extra[0][2][: CREDENTIALS.size])[0]
        if sender == self.main:
            said = dict(line.split("=", 1) for line in data.decode().splitlines())
            self.said.append((sender, said))
            self.main = int(said.get("MAINPID", self.main))


@contextlib.contextmanager
def managing(folder: Path) -> Iterator[Manager]:
    manager = Manager(str(folder / "notify"))
    try:
        yield manager
    finally:
        manager.close()


async def test_it_hears_what_it_needs_and_never_that_the_service_stops(tmp_path: Path) -> None:
    env = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "200000"}
    with managing(tmp_path) as systemd:
        async with asyncio.timeout(4 * PATIENCE), running(tmp_path, configuration([1]), **env) as limpet:
            old = systemd.main = limpet.process.pid
            admin = f"http://127.0.0.1:{await limpet.admin_port()}"
            await systemd.hears("READY", "1", old)
            systemd.said.clear()
            limpet.signal(signal.SIGHUP)
            begun = await systemd.hears("RELOADING", "1", old)
            assert int(begun["MONOTONIC_USEC"]) > 0
            assert (await systemd.hears("READY", "1", old))["STATUS"] == "serving"

            code, out, err = await command(tmp_path, "upgrade", "--admin", admin)
            assert code == 0, err
            new = int(out.split()[1])
            try:
                await systemd.hears("MAINPID", str(new), old)
                await systemd.hears("WATCHDOG", "1", new)
                assert await limpet.ended() == 0
                assert not any("STOPPING" in said for _, said in systemd.said)
                os.kill(systemd.main, signal.SIGTERM)
                await systemd.hears("STOPPING", "1", new)
                await eventually(lambda: not alive(new))
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(new, signal.SIGKILL)
