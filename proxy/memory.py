"""What a connection remembers of its last request, and leaves for others: the same bytes mean the same."""

from proxy.fields import FieldKinds
from proxy.forwarding import Peer
from proxy.options import Limits
from proxy.request import RequestFields, read_fields
from proxy.routes import Route
from proxy.service import Service
from sessions.visit import Visit

_LONGEST = 4096  # bytes of a header section that is kept, to be recognised when it comes again
_LEFT_LONGEST = 1024  # of one that is left for other connections
_LEFT_MOST = 512  # so many: at most some 3 MB
_SEEN = 1 << 16  # marks, a byte each

_Visited = tuple[Service, bytes, bytes, Visit]
_Written = tuple[RequestFields, Route, Visit, bytes, Peer, bytes]
_Known = tuple[RequestFields, _Visited | None, _Written | None]


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


class Memory:
    """The last header section as it was understood, whose it was, and what was written for its node."""

    __slots__ = ("_fields", "_legacy", "_visit", "_written")

    def __init__(self, legacy: Legacy) -> None:
        self._legacy = legacy
        self._fields: RequestFields | None = None
        self._visit: _Visited | None = None
        self._written: _Written | None = None

    def clear(self) -> None:
        self._fields = self._visit = self._written = None

    def leave(self) -> None:
        """The connection is closed: for others."""
        fields = self._fields
        if fields is not None:
            self._legacy.leave(fields.raw, (fields, self._visit, self._written))
        self.clear()

    def fields(self, section: bytes, minor: int, kinds: FieldKinds, limits: Limits) -> RequestFields:
        """The request's fields. Raises Malformed."""
        fields = self._fields
        if fields is None:
            fields = self._recall(section)
        if fields is None or fields.raw != section or fields.minor != minor:
            fields = read_fields(section, minor, kinds, limits)
            self._fields = fields if len(section) <= _LONGEST else None
        return fields

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
        if (
            known is not None
            and known[0] is fields
            and known[1] is route
            and known[2] is visit
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

    def _recall(self, section: bytes) -> RequestFields | None:
        """What another connection has left."""
        known = self._legacy.find(section)
        if known is None:
            return None
        self._fields, self._visit, self._written = known
        return self._fields
