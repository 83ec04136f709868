"""Between the machines' actions and what goes over the wire."""

from limpet_session.endpoint import Call as EndpointCall
from limpet_session.endpoint import Reply
from sessions.contract.messages import Action, Answer
from sessions.keeping.lines import Fault, read_answers, write_call

TTL = 3600


def to_call(session_id: str, action: Action) -> EndpointCall:
    """An action as a batch of one line, which every node understands."""
    return EndpointCall("POST", "/", b"", {}, write_call(session_id, action, TTL).body)


def to_answer(session_id: str, action: Action, reply: Reply) -> Answer:
    """The reply to that."""
    answer = read_answers([write_call(session_id, action, TTL)], reply.body)[0]
    assert not isinstance(answer, Fault), "the nodes of the model keep the contract"
    return answer
