"""What a connection remembers of its last request, and leaves for others: the same bytes mean the same."""

from typing import Final

from proxy.fields import FieldKinds
from proxy.forwarding import Peer
from proxy.options import Limits
from proxy.request import RequestFields, RequestLine, read_fields, read_line
from proxy.routes import Route
from proxy.service import Service
from sessions.visit import Visit

_CRLF: Final = b"\r\n"
_LONGEST_LINE: Final = 512  # bytes of a request line that is kept
_LONGEST: Final = 4096  # bytes of a header section that is kept, to be recognised when it comes again
_LEFT_LONGEST: Final = 1024  # of one that is left for other connections
_LEFT_MOST: Final = 512  # so many: at most some 3 MB
_SEEN: Final = 1 << 16  # marks, a byte each
_MASK: Final = b"\0"  # which no section holds

_Visited = tuple[Service, bytes, bytes, Visit]
_Written = tuple[RequestFields, Route, Visit, bytes, Peer, bytes]
_Way = tuple[RequestLine, bytes, Route, RequestLine]
_Known = tuple[RequestLine | None, RequestFields, _Visited | None, _Written | None, _Way | None]


class Legacy:
    """What connections that are closed had understood, by the bytes of the header section.

    For who connects anew for each request. Nothing in it is ever changed, and each part is used only for
    what it was made of. Kept is what comes for the second time: to keep what never comes again made a new
    connection dearer by a quarter. Where there is no more room, all of it is forgotten.
    """

    __slots__ = ("_left", "_seen")

    def __init__(self) -> None:
        self._left: dict[bytes, _Known] = {}
        self._seen = bytearray(_SEEN)

    def leave(self, section: bytes, known: _Known) -> None:
        if len(section) > _LEFT_LONGEST:
            return
        mark = hash(section) % _SEEN
        if not self._seen[mark]:
            self._seen[mark] = 1
            return
        if len(self._left) >= _LEFT_MOST:
            self.clear()
        self._left[section] = known

    def find(self, section: bytes) -> _Known | None:
        return self._left.get(section)

    def clear(self) -> None:
        self._left.clear()
        self._seen = bytearray(_SEEN)


class Pattern:
    """A header section as it was understood, but for the token in its Cookie."""

    __slots__ = ("cookie", "fields", "masked", "written")

    def __init__(self, masked: bytes, cookie: bytes, fields: RequestFields) -> None:
        self.masked = masked
        self.cookie = cookie
        self.fields = fields  # as it came last
        self.written: _Written | None = None


class Memory:
    """The last head as it was understood, whose it was, and what was written for its node.

    A client that writes sends another token each time, and each time it is the one that it was last given
    here: `_sealed`. So two more sections are kept with that cut out, for one that reads and writes in turn.
    A section that has it in the very place, and is the same in every other byte, is not read anew.
    """

    __slots__ = (
        "_fields",
        "_known",
        "_legacy",
        "_line",
        "_pattern",
        "_patterns",
        "_sealed",
        "_visit",
        "_written",
        "way",
    )

    def __init__(self, legacy: Legacy) -> None:
        self._legacy = legacy
        self._known: _Known | None = None  # what was found there
        self._line: RequestLine | None = None
        self._fields: RequestFields | None = None
        self._visit: _Visited | None = None
        self._written: _Written | None = None
        # Where the last request line led: with which authority, to which route, and as what the node sees it.
        self.way: _Way | None = None
        self._sealed = b""
        self._patterns: tuple[Pattern, ...] = ()
        self._pattern: Pattern | None = None  # of `_fields`

    def clear(self) -> None:
        self._known = self._line = self._fields = self._visit = self._written = self._pattern = None
        self.way = None
        self._sealed, self._patterns = b"", ()

    def leave(self) -> None:
        """The connection is closed: for others."""
        fields, known = self._fields, self._known
        if fields is not None and not (known is not None and self._is_like(known)):
            self._legacy.leave(fields.raw, (self._line, fields, self._visit, self._written, self.way))
        self.clear()

    def line(self, data: bytes, end: int, limits: Limits) -> RequestLine:
        """The request's line; `data` begins with its head, which ends at `end`. Raises Malformed."""
        if self._fields is None and end <= _LONGEST:
            self._recall(data[data.find(_CRLF) + 2 : end])
        line = self._line
        if line is None or not data.startswith(line.raw):
            line = read_line(data, limits)
            self._line = line if line.size <= _LONGEST_LINE else None
        return line

    def fields(self, section: bytes, minor: int, kinds: FieldKinds, limits: Limits) -> RequestFields:
        """The request's fields. Raises Malformed."""
        fields = self._fields
        if fields is not None and fields.raw == section and fields.minor == minor:
            return fields
        masked = self._masked(section)
        pattern = self._find(masked) if masked else None
        if pattern is not None and pattern.fields.minor == minor:
            fields = pattern.fields.with_cookie(section, pattern.cookie.replace(_MASK, self._sealed))
            pattern.fields = fields
        else:
            fields = read_fields(section, minor, kinds, limits)
            pattern = self._learn(masked, fields)
        self._fields, self._pattern = (fields, pattern) if len(section) <= _LONGEST else (None, None)
        return fields

    def foretell(self, service: Service, fields: RequestFields, visit: Visit, following: Visit) -> None:
        """What its client's next visit is, where it sends the token that it is given now."""
        if fields.cookie.count(visit.sealed) == 1:
            self._sealed = following.sealed
            cookie = fields.cookie.replace(visit.sealed, following.sealed)
            self._visit = (service, cookie, following.header, following)

    def visit(self, service: Service, fields: RequestFields, wall: int) -> Visit:
        """Who this is. `wall`: unix seconds."""
        name, header = service.affinity.header, b""
        if name:
            header = next((value for known, value in fields.affinity if known.lower() == name), b"")
        known = self._visit
        if (
            known is not None
            and known[0] is service
            and known[1] == fields.cookie
            and known[2] == header
            and wall < known[3].good_until
        ):
            return known[3]
        visit = service.affinity.visit(fields.cookie, header, wall)
        self._visit = (service, fields.cookie, header, visit)
        return visit

    def section(
        self, fields: RequestFields, route: Route, visit: Visit, authority: bytes, peer: Peer
    ) -> bytes:
        """The header section that was last written for a node, b"" if it is of something else."""
        known = self._written
        if known is None or known[0] is not fields or known[2] is not visit:
            known = self._written_before(fields, visit)
        if (
            known is not None
            and known[1] is route
            and known[3] == authority
            and (known[4] is peer or known[4].like(peer))
        ):
            return known[5]
        return b""

    def keep_section(
        self,
        fields: RequestFields,
        route: Route,
        visit: Visit,
        authority: bytes,
        peer: Peer,
        section: bytes,
    ) -> None:
        if fields is self._fields:
            self._written = (fields, route, visit, authority, peer, section)
            if self._pattern is not None:
                self._pattern.written = self._written

    def _written_before(self, fields: RequestFields, visit: Visit) -> _Written | None:
        """For the same section with another token, of which nodes are told nothing."""
        pattern = self._pattern
        if pattern is None or pattern.written is None or fields is not self._fields:
            return None
        other = pattern.written[2]
        return pattern.written if (visit.cookie, visit.header) == (other.cookie, other.header) else None

    def _find(self, masked: bytes) -> Pattern | None:
        for pattern in self._patterns:
            if pattern.masked == masked:
                return pattern
        return None

    def _masked(self, section: bytes) -> bytes:
        """The section without the token that was set last; b"": it is not in it, or not once."""
        sealed = self._sealed
        if not sealed:
            return b""
        masked = section.replace(sealed, _MASK)
        return masked if len(masked) == len(section) - len(sealed) + 1 else b""

    def _learn(self, masked: bytes, fields: RequestFields) -> Pattern | None:
        cookie = fields.cookie.replace(self._sealed, _MASK) if masked else b""
        if not cookie or cookie.find(_MASK) < 0 or len(masked) > _LONGEST:
            return None
        pattern = Pattern(masked, cookie, fields)
        self._patterns = (pattern, *self._patterns[:1])
        return pattern

    def _recall(self, section: bytes) -> None:
        """What another connection has left."""
        known = self._legacy.find(section)
        if known is not None:
            self._known = known
            self._line, self._fields, self._visit, self._written, self.way = known

    def _is_like(self, known: _Known) -> bool:
        """Whether there is nothing more to leave than what another connection has left."""
        return known[1] is self._fields and known[2] is self._visit and known[3] is self._written
