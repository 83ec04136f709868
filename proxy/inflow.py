"""What a connection reads, and when it reads no more for now."""

import asyncio
from typing import Final

LONG_READ: Final = 128 * 1024  # bytes of one read after which others get their turn


class Inflow:
    """Holds the transport back, or lets it go on; neither once it closes."""

    __slots__ = ("held", "transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        self.held = False  # until `go_on`

    def hold(self) -> None:
        if not self.held and not self.transport.is_closing():
            self.held = True
            self.transport.pause_reading()

    def go_on(self) -> None:
        if self.held and not self.transport.is_closing():
            self.held = False
            self.transport.resume_reading()

    def give_way(self) -> None:
        """After a long read, go on in the loop's next turn.

        libuv would read up to 32 times 256 KiB from who has them before it looks at anybody else: 10 ms.
        """
        if not self.held and not self.transport.is_closing():
            self.transport.pause_reading()
            asyncio.get_running_loop().call_soon(self._take_turn)

    def _take_turn(self) -> None:
        if not self.held and not self.transport.is_closing():
            self.transport.resume_reading()
