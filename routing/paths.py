"""What a path is for matching: all that some server may take it for, so that no client slips past a rule."""

import re
from collections.abc import Iterator

# All servers read such a path alike: no escape, no parameter, no empty segment, none that begins with a dot.
plain = re.compile(rb"(?:/[A-Za-z0-9_~!$&'()*+,=:@-][A-Za-z0-9_~!$&'()*+,=:@.-]*+)*+/?").fullmatch
_PARAMETER = re.compile(rb";[^/]*+")
_ESCAPE = re.compile(rb"%[0-9A-Fa-f]{2}")
_SLASH_LIKE = re.compile(rb"%2[Ff]|%5[Cc]|\\")
_SLASHES = re.compile(rb"//++")

_HEX_DIGITS = "0123456789abcdefABCDEF"
_OCTETS = {f"%{a}{b}".encode(): bytes([int(a + b, 16)]) for a in _HEX_DIGITS for b in _HEX_DIGITS}
_OCTETS |= {escape: escape for escape in (b"%2F", b"%2f", b"%5C", b"%5c")}


def readings(path: bytes) -> set[bytes]:
    """The paths that servers may take a request target's path for; mostly just itself.

    Query and `;parameters` (RFC 3986 section 3.3) are left out and escapes decoded in all of them. What they
    differ in: whether an escaped slash and a backslash, escaped or not, separate segments, whether `//` is
    `/`, and whether dot segments are removed (section 5.2.4). The `*` of OPTIONS is read as `/`.
    """
    if plain(path):
        return {path or b"/"}
    decoded = _decoded(path)
    return {*_variants(decoded), *_variants(_SLASH_LIKE.sub(b"/", decoded))}


def canonical(prefix: bytes) -> bytes:
    """A rule's path as it is compared: decoded, without dot segments, `//` and a slash at its end."""
    return _SLASHES.sub(b"/", _without_dots(_decoded(prefix))).rstrip(b"/") or b"/"


def _variants(path: bytes) -> Iterator[bytes]:
    merged = _SLASHES.sub(b"/", path)
    yield path
    yield merged
    yield _without_dots(merged)
    yield (undotted := _without_dots(path))
    yield _SLASHES.sub(b"/", undotted)


def _decoded(path: bytes) -> bytes:
    path = path.partition(b"?")[0]
    if not path.startswith(b"/"):
        return b"/"
    return _ESCAPE.sub(lambda escape: _OCTETS[escape[0]], _PARAMETER.sub(b"", path))


def _without_dots(path: bytes) -> bytes:
    """RFC 3986 section 5.2.4."""
    kept: list[bytes] = []
    segments = path.split(b"/")[1:]
    for segment in segments:
        if segment == b"..":
            del kept[-1:]
        elif segment != b".":
            kept.append(segment)
    if segments[-1] in (b".", b".."):
        kept.append(b"")
    return b"/" + b"/".join(kept)
