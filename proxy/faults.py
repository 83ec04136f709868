"""What can go wrong in an exchange: the status that a client sees, and whose fault it is."""

from enum import IntEnum


class Blame(IntEnum):
    CLIENT = 0
    NODE = 1
    PROXY = 2


class Fault(Exception):
    """An exchange that cannot go on.

    `status` is the client's answer, `reason` a fixed word for metrics and logs (never taken from a request),
    `detail` a sentence for the error page.
    """

    blame = Blame.PROXY
    fields = b""  # header lines of its own for the answer

    def __init__(self, status: int, reason: str, detail: str) -> None:
        super().__init__(status, reason, detail)
        self.status = status
        self.reason = reason
        self.detail = detail


class Malformed(Fault):
    """A message that is not HTTP as RFC 9110 and 9112 have it: refused, never repaired."""

    blame = Blame.CLIENT


class NodeFault(Fault):
    """A node that could not be reached, broke off, was too slow or answered nonsense."""

    blame = Blame.NODE
