"""What a connection remembers of its last request: the same bytes mean the same."""

from proxy.fields import FieldKinds
from proxy.options import Limits
from proxy.request import RequestFields, read_fields
from proxy.routes import Route
from proxy.service import Service
from sessions.visit import Visit

_LONGEST = 4096  # bytes of a header section that is kept, to be recognised when it comes again


class Memory:
    """The last header section as it was understood, whose it was, and what was written for its node."""

    __slots__ = ("_fields", "_section", "_visit")

    def __init__(self) -> None:
        self._fields: RequestFields | None = None
        self._visit: tuple[Service, bytes, bytes, Visit] | None = None
        self._section: tuple[RequestFields, Route, Visit, bytes, bytes] | None = None

    def clear(self) -> None:
        self._fields = self._visit = self._section = None

    def fields(self, section: bytes, minor: int, kinds: FieldKinds, limits: Limits) -> RequestFields:
        """The request's fields. Raises Malformed."""
        fields = self._fields
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

    def section(self, fields: RequestFields, route: Route, visit: Visit, authority: bytes) -> bytes:
        """The header section that was last written for a node, b"" if it is of something else."""
        known = self._section
        if (
            known is not None
            and known[0] is fields
            and known[1] is route
            and known[2] is visit
            and known[3] == authority
        ):
            return known[4]
        return b""

    def keep_section(
        self, fields: RequestFields, route: Route, visit: Visit, authority: bytes, section: bytes
    ) -> None:
        if fields is self._fields:
            self._section = (fields, route, visit, authority, section)
