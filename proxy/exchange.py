"""One request and its response: where it goes, what is tried when that fails, what the client gets."""

from enum import IntEnum
from time import monotonic

from proxy.client_side import ClientSide
from proxy.decision import decide
from proxy.engine import Engine
from proxy.faults import Blame, Fault, Malformed, NodeFault
from proxy.forwarding import Peer
from proxy.framing import CHUNKED, chunk, connection_line, framing, last_chunk
from proxy.hops import HOPPING, last_hop, max_forwards_line
from proxy.incoming import response_section
from proxy.ledger import close_account
from proxy.outgoing import request_section
from proxy.own_answer import fault_answer
from proxy.request import IDEMPOTENT, RequestFields, RequestLine
from proxy.response import ResponseHead
from proxy.routes import Route
from proxy.service import Service
from proxy.upload import Upload, begin_upload
from proxy.upstream import Upstream
from routing.reasons import Reason
from sessions.flags import RequestFlag, ResponseFlag
from sessions.ids import new_id
from sessions.visit import UNKNOWN, Visit

GATEWAY_ERRORS = (502, 503, 504)
_NO_VISIT = Visit("", UNKNOWN, RequestFlag.N, None, b"", b"")
_REPEATED = frozenset(("node_closed", "node_down"))  # a slow or a wrong answer would be no better elsewhere


class Phase(IntEnum):
    WAITING = 0  # nothing of the answer has been sent
    ANSWERING = 1
    TUNNEL = 2
    ENDED = 3


class Exchange:
    """Made for each request, and called by its client, its pool and its upstream."""

    __slots__ = (
        "assigned",
        "began",
        "bodyless",
        "bytes_in",
        "bytes_out",
        "chunking",
        "client",
        "client_slow",
        "connected_at",
        "engine",
        "fault",
        "fields",
        "first_at",
        "half_closed",
        "head",
        "keep",
        "line",
        "node",
        "phase",
        "reason",
        "request_id",
        "response_flag",
        "route",
        "sending",
        "service",
        "session_id",
        "status",
        "tried",
        "tries",
        "upload",
        "upstream",
        "visit",
    )

    def __init__(self, client: ClientSide, engine: Engine, line: RequestLine, fields: RequestFields) -> None:
        self.client = client
        self.engine = engine
        self.line = line
        self.fields = fields
        self.began = monotonic()
        self.connected_at = self.first_at = -1.0
        self.phase = Phase.WAITING
        self.keep = not fields.close and (line.minor == 1 or fields.keep_alive) and not engine.stopping
        self.bodyless = line.method == b"HEAD"
        self.upload: Upload | None = None
        self.sending = False  # the request's body is not yet read whole
        self.route: Route | None = None
        self.service: Service | None = None
        self.visit = _NO_VISIT
        self.session_id = ""
        self.assigned = False  # counted among its node's exchanges
        self.node = -1
        self.reason = Reason.NONE
        self.tried = 0
        self.tries = 0
        self.upstream: Upstream | None = None
        self.client_slow = False
        self.half_closed = False  # one end of a tunnel has sent all it had
        self.head: ResponseHead | None = None
        self.chunking = False
        self.response_flag = ResponseFlag.N
        self.status = 0
        self.fault = ""
        self.bytes_in = line.size + len(fields.raw)
        self.bytes_out = 0
        self.request_id = engine.forwarding.id_of(client.peer, fields)

    # Called by the client

    def start(self) -> None:
        """Find out where the request goes, and send it there."""
        try:
            self.sending = self.fields.chunked or self.fields.length > 0  # also where it is refused
            self.upload = begin_upload(self.fields, self.engine.limits, self.engine.request_kinds)
            if self.line.method in HOPPING and self._answered_here():
                return
            self._find_service()
            self._place()
        except Fault as fault:
            self.fail(fault)

    def body_received(self, data: bytes) -> None:
        """A part of the request's body, perhaps with the next request behind it."""
        upload, upstream = self.upload, self.upstream
        if upload is None:
            return
        self._count_in(len(data))
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
        if not self.sending and self.phase is Phase.WAITING:
            upstream.start_clock()

    def client_gone(self) -> None:
        """The client has closed: the node need not go on."""
        self._leave_node()
        if self.phase is not Phase.ENDED:
            self.phase = Phase.ENDED
            self.fault = self.fault or "client_gone"
            close_account(self)

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
        """No connection to the node has come free in time."""
        self.fail(NodeFault(503, "queue_timeout", "Every connection to the node was busy for too long."))

    def tunnel_to_node(self, data: bytes) -> None:
        """Bytes of another protocol."""
        self._count_in(len(data))
        if self.upstream is not None:
            self.upstream.tunnel(data)

    def client_half_closed(self) -> None:
        """In a tunnel: the client sends no more."""
        if self.upstream is not None:
            self.upstream.finish_writing()
        self._end_of_one_way()

    # Called by the pool

    def connected(self, upstream: Upstream) -> None:
        """The connection is there: send what there is of the request."""
        self.upstream = upstream
        self.connected_at = monotonic()
        upstream.begin(self)
        upstream.write(self._request_head())
        upload = self.upload
        if upload is not None:
            upstream.write(upload.replay or b"")
            self._forget_unrepeatable()
            self.client.read_body()
        if not self.sending:
            upstream.start_clock()

    def not_connected(self, fault: NodeFault) -> None:
        """Nothing was sent: any request may be tried elsewhere."""
        self._node_failed(fault.reason)
        self._leave_node()
        self._try_again(fault)

    # Called by the upstream

    def interim(self, head: ResponseHead) -> None:
        """A 1xx (RFC 9110 section 15.2): 100 for who asked, the others for who knows them."""
        if self.line.minor == 1 and (head.status != 100 or self.fields.expects_continue):
            self.client.write(b"%b%b\r\n" % (head.line, head.passed))

    def answer(self, head: ResponseHead, payload: bytes, done: bool) -> None:
        """The answer's head, with as much of its body as came with it: one write."""
        self.first_at = monotonic()
        self.head = head
        self.status = head.status
        self.phase = Phase.ANSWERING
        self._judge_node(head.status)
        if self.sending:
            self.keep = False  # the client is still sending what the node did not wait for
        start = self._response_start(head)
        if self.chunking:
            payload = self._chunk(payload, done)
        self._write(start + payload)
        if done:
            self._finish()

    def payload(self, data: bytes, done: bool) -> None:
        """More of the answer's body."""
        if self.chunking:
            data = self._chunk(data, done)
        if data:
            self._write(data)
        if done:
            self._finish()

    def switched(self, head: ResponseHead, data: bytes) -> None:
        """101: from here on the bytes belong to another protocol (RFC 9110 section 7.8)."""
        upstream = self.upstream
        if not self.fields.upgrade or not head.upgrade or upstream is None:
            raise NodeFault(502, "bad_response", "The node switched protocols without being asked.")
        self.first_at = monotonic()
        self.head = head
        self.status = 101
        self.phase = Phase.TUNNEL
        self._judge_node(101)
        section = self._response_section(head)
        self._write(
            b"%b%bConnection: Upgrade\r\nUpgrade: %b\r\n\r\n%b" % (head.line, section, head.upgrade, data)
        )
        upstream.tunnel(b"")
        self.client.open_tunnel()

    def tunnel_to_client(self, data: bytes) -> None:
        self._write(data)

    def node_half_closed(self) -> None:
        """In a tunnel: the node sends no more."""
        self.client.finish_writing()
        self._end_of_one_way()

    def broken(self, fault: NodeFault) -> None:
        """The upstream is of no more use, and the answer is not whole."""
        upstream = self.upstream
        if upstream is None:
            return
        stale = upstream.stale and fault.reason == "node_closed"
        if self.phase is Phase.WAITING and stale and self._repeatable() and self.service is not None:
            self._leave_node()
            self.service.nodes[self.node].pool.close_idle()
            self._send_to(self.node, self.reason)
            return
        if self.phase is not Phase.TUNNEL:
            self._node_failed(fault.reason)
        self._leave_node()
        if self.phase is Phase.WAITING and fault.reason in _REPEATED and self._repeatable():
            self._try_again(fault)
        else:
            self.fail(fault)

    def node_blocked(self) -> None:
        """The node reads more slowly than its client writes."""
        if self.sending or self.phase is Phase.TUNNEL:
            self.client.hold_body()

    def node_resumed(self) -> None:
        upstream = self.upstream
        if upstream is None:
            return
        if self.sending and self.phase is Phase.WAITING:
            upstream.wheel.disarm(upstream)
        elif self.phase is Phase.WAITING:
            upstream.start_clock()
        if self.sending or self.phase is Phase.TUNNEL:
            self.client.read_body()

    def fail(self, fault: Fault) -> None:
        """Tell the client what is wrong; a half answer is never made to look whole."""
        if self.phase is Phase.ENDED:
            return
        self._leave_node()
        phase, self.phase = self.phase, Phase.ENDED
        self.fault = fault.reason
        if fault.blame is Blame.CLIENT:
            self.engine.counters.reject(fault.reason)
        if phase is Phase.WAITING:
            self._answer_fault(fault)
            return
        close_account(self)
        if phase is Phase.TUNNEL:
            self.client.ended(False)
        else:
            self.client.abort(reset=not self._self_delimiting)

    # Private

    def _answered_here(self) -> bool:
        if self.sending:
            self.keep = False
        last = last_hop(self.line, self.fields, self.keep)
        if last is None:
            return False
        self._end_here(*last)
        return True

    def _find_service(self) -> None:
        host = self.line.authority or self.fields.host
        route = self.engine.routes.find(host, self.line.path)
        if route is None:
            raise Fault(404, "no_route", "No service is configured for this host and path.")
        self.line.target = route.target(self.line.target)
        self.route = route
        self.service = service = route.service
        service.counters.bytes_in += self.bytes_in
        self.visit = self.client.visit(service, self.fields)
        self.session_id = self.visit.session_id or (new_id() if service.affinity.mints else "")

    def _place(self) -> None:
        """Decide, and send the request there."""
        service = self._service
        service.budget.request(self.began)
        node, reason = self._decide(service)
        if node < 0:
            raise NodeFault(503, "no_node", "No server is available for this right now.")
        self._send_to(node, reason)

    def _decide(self, service: Service) -> tuple[int, Reason]:
        address = self.engine.forwarding.client_address(self.client.peer, self.fields)
        return decide(service, self.visit, self.session_id, address, self.began, self.tried)

    def _send_to(self, node: int, reason: Reason) -> None:
        service = self._service
        self.node = node
        self.reason = reason
        self.tries += 1
        pool = service.nodes[node].pool
        upstream = pool.acquire(self)
        while upstream is not None and self.line.method not in IDEMPOTENT and upstream.readable():
            pool.released(upstream, False)  # the node has closed it: this request could not be sent twice
            upstream = pool.acquire(self)
        self.assigned = True
        service.inflight[node] += 1
        if upstream is not None:
            self.connected(upstream)
        else:
            self.client.wait(service.options.queue_timeout)

    def _try_again(self, fault: NodeFault) -> None:
        """Another node, if there is one and the budget allows it."""
        service = self._service
        self.tried |= 1 << self.node
        if self.tries >= service.options.tries or not service.budget.allow(monotonic()):
            self.fail(fault)
            return
        try:
            node, reason = self._decide(service)
            if node < 0:
                raise fault
            service.counters.retries += 1
            self._send_to(node, reason)
        except Fault as final:
            self.fail(final)

    def _repeatable(self) -> bool:
        """RFC 9110 section 9.2.2, and all of the body still here."""
        return self.line.method in IDEMPOTENT and (self.upload is None or self.upload.replay is not None)

    def _forget_unrepeatable(self) -> None:
        upload = self.upload
        if upload is not None and (
            self.line.method not in IDEMPOTENT or upload.kept > self._service.options.replay_limit
        ):
            upload.forget()

    def _leave_node(self) -> None:
        """Give back what this exchange has of its node: its place in the queue, or the connection."""
        service = self.service
        if service is None or not self.assigned:
            return
        self.assigned = False
        service.inflight[self.node] -= 1
        upstream, self.upstream = self.upstream, None
        if upstream is not None:
            upstream.end(False)
        else:
            service.nodes[self.node].pool.withdraw(self)

    def _request_head(self) -> bytes:
        client, line, fields, visit = self.client, self.line, self.fields, self.visit
        route = self._route
        authority = line.authority or fields.host or route.service.nodes[self.node].authority
        section = client.recall_section(fields, route, visit, authority)
        forwarding = self.engine.forwarding
        if not section:
            section = request_section(fields, route, visit, authority, client.peer, forwarding)
            client.keep_section(fields, route, visit, authority, section)
        if fields.max_forwards:
            section += max_forwards_line(line, fields)
        if not forwarding.request_id:
            return b"%b %b HTTP/1.1\r\n%b\r\n" % (line.method, line.target, section)
        return b"%b %b HTTP/1.1\r\n%b%b: %b\r\n\r\n" % (
            line.method,
            line.target,
            section,
            forwarding.request_id,
            self.request_id,
        )

    def _response_start(self, head: ResponseHead) -> bytes:
        """Everything up to the body. The short cut: nothing is to be added or taken out."""
        route, engine = self._route, self.engine
        if (
            head.simple
            and not route.response_edit
            and not engine.forwarding.via
            and route.service.affinity.quiet(self.visit, self.node, engine.wall)
        ):
            if head.ready and self.keep and self.line.minor == 1:
                return head.ready
            section = head.passed
        else:
            section = self._response_section(head)
        length = framing(head, self.bodyless, self.line.minor)
        self.chunking = length is CHUNKED
        if not length and not self.bodyless and head.status not in (204, 304):
            self.keep = False  # only the connection's end can tell the answer's
        return b"%b%b%b%b\r\n" % (head.line, section, length, connection_line(self.keep, self.line.minor))

    def _response_section(self, head: ResponseHead) -> bytes:
        route, forwarding = self._route, self.engine.forwarding
        affinity = route.service.affinity
        given = next((value for name, value in head.affinity if name.lower() == affinity.header), b"")
        secure = forwarding.secure(self.client.peer, self.fields)
        answer = affinity.answer(
            self.visit, self.session_id, self.node, head.set_cookies, given, self.engine.wall, secure
        )
        self.response_flag = answer.flag
        return response_section(head, answer, affinity.header, route.response_edit, forwarding.via)

    @property
    def _self_delimiting(self) -> bool:
        """Whether a client can tell by the bytes alone that the answer is not whole."""
        return self.chunking or (self.head is not None and self.head.length >= 0)

    def _chunk(self, data: bytes, done: bool) -> bytes:
        if not done:
            return chunk(data)
        trailers = self.upstream.trailers if self.upstream is not None else []
        kinds = self.engine.response_kinds
        return last_chunk(data, [field for field in trailers if not kinds[field[0]]])

    def _write(self, data: bytes) -> None:
        self.bytes_out += len(data)
        self._service.counters.bytes_out += len(data)
        self.client.write(data)

    def _count_in(self, size: int) -> None:
        self.bytes_in += size
        if self.service is not None:
            self.service.counters.bytes_in += size

    def _finish(self) -> None:
        """The answer is whole."""
        upstream, head, service = self.upstream, self.head, self._service
        self.phase = Phase.ENDED
        self.assigned = False
        self.upstream = None
        service.inflight[self.node] -= 1
        if upstream is not None and head is not None:
            if self.client_slow:
                upstream.go_on()
            upstream.end(not self.sending and not head.close and upstream.delimited)
        close_account(self)
        self.client.ended(self.keep)

    def _end_of_one_way(self) -> None:
        """A tunnel is over when both ends have sent all they had."""
        if not self.half_closed:
            self.half_closed = True
            return
        if self.upstream is not None:
            self.upstream.finish()
        self._leave_node()
        self.phase = Phase.ENDED
        close_account(self)
        self.client.ended(False)

    def _answer_fault(self, fault: Fault) -> None:
        if isinstance(fault, Malformed) or self.sending:
            self.keep = False
        accept = self.fields.find(b"accept")
        pages = self.engine.error_pages
        data = fault_answer(fault, pages, accept, self.request_id, self.bodyless, self.keep)
        self._end_here(fault.status, data)

    def _end_here(self, status: int, data: bytes) -> None:
        self.phase = Phase.ENDED
        self.status = status
        self.bytes_out += len(data)
        if self.service is not None:
            self.service.counters.bytes_out += len(data)
        self.client.write(data)
        close_account(self)
        self.client.ended(self.keep)

    def _judge_node(self, status: int) -> None:
        """What an answer says about its node's health."""
        watcher = self._service.watcher
        if status in GATEWAY_ERRORS:
            watcher.request_failed(self.node, f"answered {status}")
        elif watcher.suspicious[self.node]:
            watcher.request_passed(self.node)

    def _node_failed(self, why: str) -> None:
        self._service.watcher.request_failed(self.node, why)

    @property
    def peer(self) -> Peer:
        return self.client.peer

    @property
    def _service(self) -> Service:
        assert self.service is not None
        return self.service

    @property
    def _route(self) -> Route:
        assert self.route is not None
        return self.route
