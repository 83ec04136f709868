"""Between the machines' actions and what goes over the wire."""

from limpet_session.endpoint import Call as EndpointCall
from limpet_session.endpoint import Reply
from sessions.contract.lines import read_line, write_line
from sessions.contract.messages import Action, Answer

TTL = 3600


def to_call(session_id: str, action: Action) -> EndpointCall:
    """An action as a batch of one line, which every node understands."""
    return EndpointCall("POST", "/", b"", {}, write_line(session_id, action, TTL))


def to_answer(session_id: str, action: Action, reply: Reply) -> Answer | None:
    """The reply to that."""
    return read_line(reply.body, session_id, action.call)
