"""A route as it runs: the service it leads to, and what it changes on the way."""

from collections.abc import Sequence

from proxy.faults import Malformed
from proxy.fields import FieldList
from proxy.service import Service


class HeaderEdit:
    """Fields that are taken out, and fields that are set in place of whatever had their name.

    Names are compared without case and with `_` read as `-`, as app servers do.
    """

    __slots__ = ("_gone", "_set")

    def __init__(self, set_fields: Sequence[tuple[str, str]] = (), remove: Sequence[str] = ()) -> None:
        self._set = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in set_fields]
        self._gone = {_plain(name.encode("latin-1")) for name in remove} | {
            _plain(name) for name, _ in self._set
        }

    def __bool__(self) -> bool:
        return bool(self._gone)

    def apply(self, fields: FieldList) -> FieldList:
        """The fields after the edit."""
        return [field for field in fields if _plain(field[0]) not in self._gone] + self._set


class Route:
    """Where the requests that match a rule go."""

    __slots__ = (
        "edits_answers",
        "hsts",
        "https_port",
        "prefix",
        "request_edit",
        "response_edit",
        "secure_edit",
        "service",
    )

    def __init__(
        self,
        service: Service,
        prefix: bytes = b"",
        request_edit: HeaderEdit | None = None,
        response_edit: HeaderEdit | None = None,
        secure_edit: HeaderEdit | None = None,
        hsts: bytes = b"",
        https_port: int = 0,
    ) -> None:
        """`prefix`: the path that is stripped, b"" for none; `secure_edit`: in place of `response_edit` where
        the client came by https, `hsts`: its header there; `https_port`: where others are sent, or 0.
        """
        self.service = service
        self.prefix = prefix.rstrip(b"/")
        self.request_edit = request_edit or HeaderEdit()
        self.response_edit = response_edit or HeaderEdit()
        self.secure_edit = secure_edit or self.response_edit
        self.edits_answers = bool(self.secure_edit)  # as either does
        self.hsts = b"Strict-Transport-Security: %b\r\n" % hsts if hsts else b""
        self.https_port = https_port

    def target(self, target: bytes) -> bytes:
        """The target as the node shall see it: without the prefix, if the route strips it.

        Raises Malformed (400) where the prefix is there only in another spelling (`/%61pp`, `//app`): what
        would be left is not certain.
        """
        if not self.prefix or target == b"*":
            return target
        rest = target[len(self.prefix) :]
        if not target.startswith(self.prefix) or rest[:1] not in (b"", b"/", b"?"):
            raise Malformed(400, "bad_target", "The path's prefix is spelled in an unusual way.")
        return b"/" + rest.lstrip(b"/")  # `//host` would be another host to an app that redirects there


def _plain(name: bytes) -> bytes:
    return name.lower().replace(b"_", b"-")
