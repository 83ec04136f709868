"""Two connections that carry another protocol, once a node has switched to it (RFC 9110 section 7.8)."""

from typing import TYPE_CHECKING

from proxy.upstream import Upstream

if TYPE_CHECKING:
    from proxy.client import Client
    from proxy.exchange import Exchange


class Tunnel:
    """Passes bytes both ways; either end may stop sending while the other goes on, but not under TLS."""

    __slots__ = ("_client", "_exchange", "_half_closed", "_upstream")

    def __init__(self, exchange: "Exchange", client: "Client", upstream: Upstream) -> None:
        self._exchange = exchange
        self._client = client
        self._upstream = upstream
        ends = client.transport, upstream.transport
        self._half_closed = not all(end.can_write_eof() for end in ends)  # one end has sent all it had

    def to_node(self, data: bytes) -> None:
        self._exchange.count_in(len(data))
        self._upstream.tunnel(data)

    def to_client(self, data: bytes) -> None:
        self._exchange.write(data)

    def client_ended(self) -> None:
        """The client sends no more."""
        self._upstream.finish_writing()
        self._end_one_way()

    def node_ended(self) -> None:
        """The node sends no more."""
        self._client.finish_writing()
        self._end_one_way()

    def _end_one_way(self) -> None:
        if not self._half_closed:
            self._half_closed = True
            return
        self._upstream.finish()
        self._exchange.tunnel_over()
