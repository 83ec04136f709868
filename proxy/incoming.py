"""The head that a client is sent: the node's answer as Limpet understood it, with the session's token."""

from proxy.fields import FieldList, write_fields
from proxy.outgoing import via_line
from proxy.response import ResponseHead
from proxy.routes import HeaderEdit
from sessions.visit import Answer

# What lets a shared cache keep an answer that holds somebody's token.
_SHARED = frozenset((b"cache-control", b"cdn-cache-control", b"surrogate-control", b"expires"))
_SHARED_DIRECTIVES = (b"public", b"private", b"s-maxage", b"proxy-revalidate")


def response_section(
    head: ResponseHead, answer: Answer, header: bytes, edit: HeaderEdit, via: bytes
) -> bytes:
    """The header section for the client, without framing. `header`: the affinity header's name, or b""."""
    if edit:
        plain = edit.apply(head.plain)  # what makes it private is last: whatever the node and the route say
        parts = [write_fields(_privatized(plain) if answer.private else plain)]
    else:
        parts = [_private(head) if answer.private else head.passed]
    parts += [b"Set-Cookie: %b\r\n" % value for value in answer.set_cookies]
    if head.affinity:
        parts.append(_affinity(head.affinity, header, answer.header))
    if via or head.via:
        parts.append(via_line(head.via, head.minor, via))
    return b"".join(parts)


def _affinity(given: FieldList, header: bytes, value: bytes) -> bytes:
    """The wrapped header in place of the node's; headers of other services' affinity as they came."""
    kept = [field for field in given if field[0].lower() != header]
    own = next((name for name, _ in given if name.lower() == header), b"")
    if own and value:
        kept.append((own, value))
    return write_fields(kept)


def _private(head: ResponseHead) -> bytes:
    """The plain fields, for its client alone; the same for each head that begins alike."""
    if not head.private:
        head.private = write_fields(_privatized(head.plain))
    return head.private


def _privatized(fields: FieldList) -> FieldList:
    """Without any permission for shared caches; `no-store` and what binds browsers stays."""
    directives = [b"private"]
    for name, value in fields:
        if name.lower() == b"cache-control":
            directives += [part for part in split_directives(value) if not _is_shared(part)]
    if any(part.lower() == b"no-store" for part in directives):
        directives.remove(b"private")
    kept = [field for field in fields if field[0].lower() not in _SHARED]
    return [*kept, (b"Cache-Control", b", ".join(directives))]


def _is_shared(directive: bytes) -> bool:
    return directive.partition(b"=")[0].strip().lower() in _SHARED_DIRECTIVES


def split_directives(value: bytes) -> list[bytes]:
    """The directives of a Cache-Control value; a comma inside quotes separates nothing."""
    parts, quoted, current = [], False, bytearray()
    for byte in value:
        if byte == 0x22:
            quoted = not quoted
        if byte == 0x2C and not quoted:
            parts.append(bytes(current).strip())
            current.clear()
        else:
            current.append(byte)
    parts.append(bytes(current).strip())
    return [part for part in parts if part]
