"""What an exchange needs of the client connection that it serves."""

from typing import Protocol

from proxy.forwarding import Peer
from proxy.request import RequestFields
from proxy.routes import Route
from proxy.service import Service
from sessions.visit import Visit


class ClientSide(Protocol):
    """Its client, as an exchange sees it."""

    peer: Peer

    def write(self, data: bytes) -> None: ...

    def visit(self, service: Service, fields: RequestFields) -> Visit:
        """Who this is; remembered for as long as the same bytes come."""

    def recall_section(self, fields: RequestFields, route: Route, visit: Visit, authority: bytes) -> bytes:
        """The header section that was last written for a node, b"" if it is of something else."""

    def keep_section(
        self, fields: RequestFields, route: Route, visit: Visit, authority: bytes, section: bytes
    ) -> None: ...

    def wait(self, seconds: float) -> None:
        """Call `waited_too_long` after that time, unless `read_body` or the exchange's end comes first."""

    def hold_body(self) -> None:
        """Read no more of the body for now."""

    def read_body(self) -> None:
        """Read the body, within its time limits."""

    def rest_of_body(self, rest: bytes) -> None:
        """The body is whole; these bytes after it belong to the next request."""

    def open_tunnel(self) -> None: ...

    def finish_writing(self) -> None:
        """Half-close: the other direction goes on."""

    def ended(self, keep: bool) -> None:
        """The exchange is over; the connection lives on, or is closed when what is written has been sent."""

    def abort(self, reset: bool) -> None:
        """The answer was cut short, and the client must see that: by a reset where nothing else shows it."""
