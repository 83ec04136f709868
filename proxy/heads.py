"""The heads of an exchange: what its node is sent, and what its client gets, token and all."""

from typing import TYPE_CHECKING, Final

from proxy.faults import Fault
from proxy.framing import CHUNKED, connection_line, framing
from proxy.hops import max_forwards_line
from proxy.incoming import response_section
from proxy.outgoing import request_section
from proxy.response import ResponseHead
from proxy.tracing import trace_lines
from sessions.flags import ResponseFlag
from sessions.visit import NO_STATE, Answer

if TYPE_CHECKING:
    from proxy.delivery import Delivery

_UPDATED: Final = ResponseFlag.U
_CLOSE: Final = connection_line(False, 1) + b"\r\n"


def request_head(exchange: "Delivery") -> bytes:
    """For the node at which the exchange is placed."""
    client, line, fields, placement = exchange.client, exchange.line, exchange.fields, exchange.placement
    assert placement is not None  # in line where every request passes: `placed` costs 80 ns
    route, visit, memory = placement.route, placement.visit, client.memory
    authority = line.authority or fields.host or route.service.nodes[placement.node].authority
    section = memory.section(fields, route, visit, authority, client.peer)
    forwarding = exchange.engine.forwarding
    if not section:
        section = request_section(fields, route, visit, authority, client.peer, forwarding)
        memory.keep_section(fields, route, visit, authority, client.peer, section)
    if fields.max_forwards:
        section += max_forwards_line(line, fields)
    if exchange.custody is not None:
        section += exchange.custody.fields()
    if exchange.trace is not None:
        section += trace_lines(exchange.trace)
    if not forwarding.request_id:
        return b"%b %b HTTP/1.1\r\n%b\r\n" % (line.method, line.target, section)
    return b"%b %b HTTP/1.1\r\n%b%b: %b\r\n\r\n" % (
        line.method,
        line.target,
        section,
        forwarding.request_id,
        exchange.request_id,
    )


def response_head(exchange: "Delivery", head: ResponseHead) -> bytes:
    """For the client. Decides how the body is framed (`chunking`), and whether the connection lives on."""
    placement, engine, custody = exchange.placement, exchange.engine, exchange.custody
    assert placement is not None
    route, minor = placement.route, exchange.line.minor
    if (
        head.simple  # the short cut: nothing is to be added or taken out
        and not route.edits_answers
        and not engine.forwarding.via
        and (custody is None or custody.says_the_same(placement.visit))
        and route.service.affinity.quiet(placement.visit, placement.node, engine.wall)
    ):
        if head.ready and minor == 1:
            return head.ready if exchange.keep else head.ready[:-2] + _CLOSE
        section = head.passed
    else:
        section = _response_section(exchange, head)
    length = framing(head, exchange.bodyless, minor)
    exchange.chunking = length is CHUNKED
    if not length and not exchange.bodyless and head.status not in (204, 304):
        exchange.keep = False  # only the connection's end can tell the answer's
    return b"%b%b%b%b\r\n" % (head.line, section, length, connection_line(exchange.keep, minor))


def switching_head(exchange: "Delivery", head: ResponseHead) -> bytes:
    """For the client, when its node switches protocols."""
    section = _response_section(exchange, head)
    return b"%b%bConnection: Upgrade\r\nUpgrade: %b\r\n\r\n" % (head.line, section, head.upgrade)


def fault_lines(exchange: "Delivery", fault: Fault) -> bytes:
    """The header lines of an answer of Limpet's own, besides those that all have."""
    lines = exchange.token_lines + fault.fields
    placement = exchange.placement
    if placement is None or not placement.route.hsts:
        return lines
    secure = exchange.engine.forwarding.secure(exchange.client.peer, exchange.fields)
    return lines + placement.route.hsts if secure else lines


def token_lines(exchange: "Delivery", node: int) -> bytes:
    """A token for this node, to go out with an answer of Limpet's own; b"": none."""
    answer = _token(exchange, node, [], b"")
    return b"".join(b"Set-Cookie: %b\r\n" % value for value in answer.set_cookies)


def _response_section(exchange: "Delivery", head: ResponseHead) -> bytes:
    placement, custody = exchange.placement, exchange.custody
    assert placement is not None
    affinity, given = placement.service.affinity, b""
    if head.affinity:
        given = next((value for name, value in head.affinity if name.lower() == affinity.header), b"")
    answer = _token(exchange, placement.node, head.set_cookies, given)
    if custody is not None and answer.flag is _UPDATED:
        custody.renewed(placement.node)
    route, forwarding = placement.route, exchange.engine.forwarding
    edit, via = route.response_edit, forwarding.via
    if route.hsts and forwarding.secure(exchange.client.peer, exchange.fields):
        edit = route.secure_edit
    return response_section(head, answer, affinity.header, edit, via)


def _token(exchange: "Delivery", node: int, set_cookies: list[bytes], given: bytes) -> Answer:
    """What the client is told of its session. `given`: the node's value of the affinity's header."""
    placement, engine, custody = exchange.placement, exchange.engine, exchange.custody
    assert placement is not None
    secure = engine.forwarding.secure(exchange.client.peer, exchange.fields)
    held = NO_STATE
    if custody is not None:
        held = custody.held
        placement.session_id = custody.token_id
    answer = placement.service.affinity.answer(
        placement.visit, placement.session_id, node, set_cookies, given, engine.wall, secure, held
    )
    exchange.response_flag = answer.flag
    if answer.following is not None:
        exchange.client.memory.foretell(placement.service, exchange.fields, placement.visit, answer.following)
    return answer
