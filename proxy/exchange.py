"""One request and its response: where it goes, and what is tried when that fails."""

from time import monotonic
from typing import TYPE_CHECKING, Final

from proxy.custody import Custody, Keeper, asks_again
from proxy.delivery import ENDED, TUNNEL, WAITING, Delivery
from proxy.engine import Engine
from proxy.faults import Blame, Fault, Malformed, NodeFault
from proxy.fields import FieldList
from proxy.heads import request_head, switching_head, token_lines
from proxy.hops import HOPPING, last_hop
from proxy.placement import Placement, place
from proxy.proxy_protocol import introduction
from proxy.request import IDEMPOTENT, RequestFields, RequestLine
from proxy.response import ResponseHead
from proxy.tunnel import Tunnel
from proxy.upload import Upload, begin_upload
from proxy.upstream import Upstream

if TYPE_CHECKING:
    from proxy.client import Client

_TOGETHER: Final = 16 * 1024  # bytes of a body that go out with the head; more are not worth copying
HELD_LIMIT: Final = 256 * 1024  # bytes of an answer that are read while it waits for its release
# What a node may do in dying. A slow answer would be no better elsewhere.
_REPEATED: Final = frozenset(("node_closed", "node_down", "bad_response"))


class Exchange(Delivery):
    """Made for each request, and called by its client, its pool and its upstream."""

    __slots__ = ("client_slow", "repeated", "upload", "upstream")

    def __init__(self, client: "Client", engine: Engine, line: RequestLine, fields: RequestFields) -> None:
        super().__init__(client, engine, line, fields)
        self.upload: Upload | None = None
        self.upstream: Upstream | None = None
        self.repeated: NodeFault | None = None  # what every node that there is has failed with
        self.client_slow = False

    # Called by the client

    def start(self, behind: bytes) -> None:
        """Find out where the request goes, and send it there. `behind`: what came with its head."""
        try:
            self.sending = self.fields.chunked or self.fields.length > 0  # also where it is refused
            if self.sending:
                self.upload = begin_upload(self.fields, self.engine.limits, self.engine.request_kinds)
            if self.line.method in HOPPING and self._answered_here():
                return
            self.placement = placement = place(self)
            if 0 < self.fields.length <= min(len(behind), _TOGETHER):
                self.body_received(behind)  # all of it: it goes out with the head, and the node wakes up once
            placement.choose()
            keeper = placement.service.keeper
            if keeper is None:
                self._send()
            else:
                self._take_custody(keeper, placement)
        except Fault as fault:
            self.fail(fault)

    def body_received(self, data: bytes) -> None:
        """A part of the request's body, perhaps with the next request behind it."""
        upload, upstream = self.upload, self.upstream
        if upload is None:
            return
        self.count_in(len(data))
        try:
            part = upload.feed(data)
        except Malformed as fault:
            self.fail(fault)
            return
        if upload.whole:
            self.sending = False
            self.client.rest_of_body(upload.rest)
        if upstream is None:
            if self.sending:  # a whole one is read past, so that the client's leaving is noticed
                self.client.hold_body()
            return
        upstream.write(part)
        self._forget_unrepeatable()
        if not self.sending and self.phase == WAITING:
            upstream.start_clock()

    def client_gone(self) -> None:
        """The client has closed: the node need not go on."""
        self._leave_custody()
        self._leave_node()
        if self.phase != ENDED:
            self.phase = ENDED
            self.fault = self.fault or "client_gone"
            self._settle_up()

    def client_blocked(self) -> None:
        """The client reads more slowly than its node writes."""
        self.client_slow = True
        if self.upstream is not None:
            self.upstream.hold()

    def client_resumed(self) -> None:
        self.client_slow = False
        if self.upstream is not None:
            self.upstream.go_on()

    def waited_too_long(self) -> None:
        """No connection to the node has come free in time; or it is time to ask the nodes again."""
        repeated, self.repeated = self.repeated, None
        if repeated is not None:
            self._try_again(repeated)
            return
        self.fail(NodeFault(503, "queue_timeout", "Every connection to the node was busy for too long."))

    # Called by the pool

    def connected(self, upstream: Upstream) -> None:
        """The connection is there: send what there is of the request."""
        self.upstream = upstream
        self.connected_at = monotonic()
        upstream.begin(self)
        head = request_head(self)
        placement = self.placement
        assert placement is not None
        if placement.service.options.send_proxy:
            head = introduction(self.client.peer, self.client.transport) + head
        upload = self.upload
        if upload is None or upload.kept > _TOGETHER:
            upstream.write(head)
            head = b""
        if upload is not None:
            upstream.write(head + (upload.replay or b""))
            self._forget_unrepeatable()
            self.client.read_body()
        if not self.sending:
            upstream.start_clock()

    def not_connected(self, fault: NodeFault) -> None:
        """Nothing was sent: any request may be tried elsewhere."""
        self.placed.failed(fault.reason)
        self._leave_node()
        self._try_again(fault)

    # Called by the upstream

    def answer(self, head: ResponseHead, limpet: FieldList, payload: bytes, done: bool) -> None:
        """The answer's head, with as much of its body as came with it. `limpet`: its fields for us alone."""
        self.first_at = monotonic()
        self.head = head
        placement, custody = self.placement, self.custody
        assert placement is not None  # in line where every request passes: `placed` costs 80 ns
        if custody is None or not asks_again(limpet):
            placement.answered(head.status)
        if done:
            self._answer_read(head)
        if custody is None:
            self.release(head, payload, done)
        else:
            custody.head_received(head, limpet, payload, done)

    def payload(self, data: bytes, done: bool) -> None:
        """More of the answer's body."""
        custody = self.custody
        if done and self.head is not None:
            self._answer_read(self.head)
        if custody is not None and not custody.released:
            custody.payload_received(data, done)
            if custody.held_bytes > HELD_LIMIT and self.upstream is not None:
                self.upstream.hold()
            return
        self._deliver_more(data, done)

    def switched(self, head: ResponseHead, limpet: FieldList, data: bytes) -> None:
        """101: from here on the bytes belong to another protocol (RFC 9110 section 7.8)."""
        upstream = self.upstream
        if not self.fields.upgrade or not head.upgrade or upstream is None:
            raise NodeFault(502, "bad_response", "The node switched protocols without being asked.")
        self.first_at = monotonic()
        self.placed.answered(101)
        if self.custody is None:
            self.release(head, data, False)
        else:
            upstream.hold()
            self.custody.head_received(head, limpet, data, False)

    def broken(self, fault: NodeFault) -> None:
        """The upstream is of no more use, and the answer is not whole."""
        upstream = self.upstream
        if upstream is None:
            return
        waiting = self.phase == WAITING and self.head is None  # one that is held has been carried out
        if waiting and upstream.stale and fault.reason == "node_closed" and self.take_back():
            self.placed.close_idle()
            self._send()
            return
        if waiting and fault.reason in _REPEATED:
            self.repeat(fault)
            return
        if self.phase != TUNNEL:
            self.placed.failed(fault.reason)
        self._leave_node()
        self.fail(fault)

    def node_blocked(self) -> None:
        """The node reads more slowly than its client writes."""
        if self.sending or self.phase == TUNNEL:
            self.client.hold_body()

    def node_resumed(self) -> None:
        upstream = self.upstream
        if upstream is None:
            return
        if self.sending and self.phase == WAITING:
            upstream.wheel.disarm(upstream)
        elif self.phase == WAITING:
            upstream.start_clock()
        if self.sending or self.phase == TUNNEL:
            self.client.read_body()

    def fail(self, fault: Fault) -> None:
        """Tell the client what is wrong; a half answer is never made to look whole."""
        if self.phase == ENDED:
            return
        self._leave_custody()
        self._leave_node()
        phase, self.phase = self.phase, ENDED
        self.fault = fault.reason
        if fault.blame is Blame.CLIENT:
            self.engine.counters.reject(fault.reason)
        if phase == WAITING:
            self._answer_fault(fault)
            return
        self._settle_up()
        if phase == TUNNEL:
            self.client.ended(False)
        else:
            self.client.abort(reset=not self._self_delimiting)

    # Called by the tunnel and for the heads

    def tunnel_over(self) -> None:
        """Both ends have sent all they had."""
        self._leave_node()
        self.phase = ENDED
        self._settle_up()
        self.client.ended(False)

    # Called by the custody; without one, by the exchange itself

    def release(self, head: ResponseHead, payload: bytes, done: bool) -> None:
        """The answer may go to the client: head and the first of its body in one write."""
        self.head = head
        self.status = head.status
        if head.status == 101:
            self._open_tunnel(head, payload)
            return
        self._deliver(head, payload, done)
        if not done and self.custody is not None and self.upstream is not None and not self.client_slow:
            self.upstream.go_on()

    def send_to(self, node: int) -> None:
        """Send the request, or send it again, to this node."""
        self._leave_node()
        self.head = None
        if self.upload is not None and self.upload.replay is None:
            self.fail(NodeFault(503, "body_not_kept", "The request's body was too large to be sent again."))
            return
        self.placed.go_to(node)
        try:
            self._send()
        except Fault as fault:
            self.fail(fault)

    def decide_anew(self) -> tuple[str, int]:
        """A fresh session id, and the node for it. Raises NodeFault where there is none."""
        self._leave_node()
        placement = self.placed
        placement.choose_anew()
        return placement.session_id, placement.node

    def repeat(self, fault: NodeFault) -> None:
        """At another node, where that is safe. What this one has answered, if anything, is of no use."""
        self.placed.failed(fault.reason)
        if self.take_back():
            self._try_again(fault)
        else:
            self.fail(fault)

    def take_back(self) -> bool:
        """Drop what the node has answered. Whether the request may be sent a second time (RFC 9110 section
        9.2.2), and can be: all of its body is still here."""
        self._leave_node()
        self.head = None
        return self.line.method in IDEMPOTENT and (self.upload is None or self.upload.replay is not None)

    def refuse(self, fault: NodeFault, node: int) -> None:
        """Tell the client what is wrong, and where its session is now."""
        self.token_lines = token_lines(self, node)
        self.fail(fault)

    def contract_missing(self) -> None:
        placement = self.placed
        placement.service.watcher.contract_missing(placement.node)

    # Private

    def _take_custody(self, keeper: Keeper, placement: Placement) -> None:
        token = placement.visit.token
        if token is None:
            course = keeper.course(0, False, placement.session_id, True)
        else:
            course = keeper.course(token.version, token.unprotected, token.id, False, token.node)
        self.custody = custody = Custody(self, keeper, course)
        pinned = placement.service.router.view.sticky and placement.node == placement.visit.pin
        known = token is None or (pinned and (self.upload is None or self._repeatable))
        if custody.begin(placement.node, known):
            self._send()

    @property
    def _repeatable(self) -> bool:
        """Whether the body can surely be kept: otherwise its node is first asked for the session."""
        fields = self.fields
        return not fields.chunked and fields.length <= self.placed.service.options.replay_limit

    def _leave_custody(self) -> None:
        if self.custody is not None and not self.custody.released:
            self.custody.abandon()

    def _answered_here(self) -> bool:
        keep = self.keep and not self.sending
        last = last_hop(self.line, self.fields, keep)
        if last is None:
            return False
        self.keep = keep
        self._end_here(*last)
        return True

    def _send(self) -> None:
        """To the node that was chosen, as soon as there is a connection."""
        placement = self.placement
        assert placement is not None
        upstream = placement.take(self, self.line.method not in IDEMPOTENT)
        if upstream is not None:
            self.connected(upstream)
        else:
            self.client.wait(placement.service.options.queue_timeout)

    def _try_again(self, fault: NodeFault) -> None:
        """At another node, or a little later, while time and budget allow it."""
        try:
            placement = self.placed
            pause = placement.choose_another(fault)
            if pause:
                self._leave_custody()
                self.repeated = fault
                self.client.wait(pause)
            elif self.custody is None:
                self._send()
            else:
                self.custody.moved(placement.session_id, placement.node)
        except Fault as final:
            self.fail(final)

    def _forget_unrepeatable(self) -> None:
        """Under the contract a node may ask for any request again: it does so before the app has run."""
        upload = self.upload
        if upload is None:
            return
        once = self.custody is None and self.line.method not in IDEMPOTENT
        if once or upload.kept > self.placed.service.options.replay_limit:
            upload.forget()

    def _leave_node(self, reusable: bool = False) -> None:
        upstream, self.upstream = self.upstream, None
        if self.placement is not None:
            self.placement.leave(self, upstream, reusable)

    def _answer_read(self, head: ResponseHead) -> None:
        """The answer was read whole: the node is done with this request, whenever the client gets it."""
        upstream = self.upstream
        if upstream is None:
            return
        self.trailers = upstream.trailers
        if self.client_slow:
            upstream.go_on()
        self.upstream = None
        placement = self.placement
        assert placement is not None
        placement.leave(self, upstream, not self.sending and not head.close and upstream.delimited)

    def _open_tunnel(self, head: ResponseHead, data: bytes) -> None:
        upstream = self.upstream
        assert upstream is not None
        self.phase = TUNNEL
        self.write(switching_head(self, head) + data)
        tunnel = Tunnel(self, self.client, upstream)
        if self.custody is not None:
            upstream.go_on()
        upstream.open_tunnel(tunnel)
        self.client.open_tunnel(tunnel)
