"""Reads and rewrites `Cookie` and `Set-Cookie` values, byte for byte but for the one cookie concerned.

As browsers do, and unlike `http.cookies`: a value ends at `;`, quotes have no meaning but are part of the
value, blanks round names and values have none (RFC 6265 section 5, RFC 6265bis).
"""

from typing import NamedTuple

from sessions.cookie_dates import LAST, read_date, write_date

NOT_KEPT = 4096  # bytes of name and value together above which browsers ignore a cookie (RFC 6265bis 5.6)

_BLANKS = b" \t"


def unquoted(value: bytes) -> bytes:
    """The value without one pair of quotes round it: some clients and apps add them, some lose them."""
    if len(value) > 1 and value[:1] == b'"' == value[-1:]:
        return value[1:-1]
    return value


def take_cookie(cookie: bytes, name: bytes) -> tuple[list[bytes], bytes]:
    """Each value that `name` has in a `Cookie` value, quotes round it taken off, and the rest without them.

    All other cookies keep their bytes and their order; the rest is b"" where nothing is left.
    """
    values: list[bytes] = []
    kept: list[bytes] = []
    for pair in cookie.split(b";"):
        value = _value_of(pair, name)
        if value is None:
            kept.append(pair)
        else:
            values.append(unquoted(value))
    return values, _joined(kept) if values else cookie


def replace_cookie(cookie: bytes, name: bytes, position: int, value: bytes) -> bytes:
    """The `Cookie` value in which one cookie of that name has `value`, and all others of it are gone.

    `position`: among the values that `take_cookie` finds. Quotes round the old value stay.
    """
    kept: list[bytes] = []
    seen = 0
    for pair in cookie.split(b";"):
        old = _value_of(pair, name)
        if old is None:
            kept.append(pair)
            continue
        if seen == position:
            quote = b"" if unquoted(old) == old else b'"'
            kept.append(b"".join((pair.partition(b"=")[0], b"=", quote, value, quote)))
        seen += 1
    return _joined(kept)


def _value_of(pair: bytes, name: bytes) -> bytes | None:
    """The value, quotes and all, if this is a cookie of that name."""
    if name not in pair:  # spares most pairs the rest
        return None
    key, _, value = pair.partition(b"=")
    return value.strip(_BLANKS) if key.strip(_BLANKS) == name else None


def _joined(pairs: list[bytes]) -> bytes:
    rest = b";".join(pairs).lstrip(_BLANKS)
    return rest if rest.strip(b"; \t") else b""


class SetCookie(NamedTuple):
    """One `Set-Cookie` value, taken apart."""

    name: bytes
    value: bytes  # without quotes round it
    quote: bytes  # the quote that was round it, or b""
    attributes: bytes  # all from the first ";" on, as it came; b"" if none

    def with_value(self, value: bytes) -> bytes:
        """The line with another value and the same name, quotes and attributes."""
        return b"".join((self.name, b"=", self.quote, value, self.quote, self.attributes))


def read_set_cookie(line: bytes) -> SetCookie:
    """Take a `Set-Cookie` value apart (RFC 6265 section 5.2).

    A cookie without a name counts as the one that its value spells: browsers keep `=a=b` nameless, and
    send it as `a=b`.
    """
    pair, semicolon, attributes = line.partition(b";")
    name, _, value = pair.lstrip(b"= \t").partition(b"=")
    value = value.strip(_BLANKS)
    bare = unquoted(value)
    return SetCookie(
        name.strip(_BLANKS), bare, b'"' if bare != value else b"", semicolon + attributes.rstrip(_BLANKS)
    )


def expiry(attributes: bytes, now: int) -> int | None:
    """Unix seconds at which a cookie with these attributes ends, or None where the browser's session does.

    The last `Max-Age` counts, before the last `Expires` (RFC 6265 section 5.3).
    """
    age = date = None
    for attribute in attributes.split(b";"):
        key, _, value = attribute.partition(b"=")
        match key.strip(_BLANKS).lower():
            case b"max-age":
                age = _max_age(value.strip(_BLANKS), age)
            case b"expires":
                date = date if (read := read_date(value)) is None else read
    return date if age is None else min(now + age, LAST)


def lasting(attributes: bytes, now: int) -> bytes:
    """The attributes as they may be sent again later: `Max-Age` becomes the date that it meant."""
    ends = expiry(attributes, now)
    kept = [
        attribute
        for attribute in attributes.split(b";")
        if attribute.partition(b"=")[0].strip(_BLANKS).lower() not in (b"max-age", b"expires")
    ]
    if ends is not None:
        kept.append(b" Expires=" + write_date(ends))
    return b";".join(kept)


def _max_age(value: bytes, otherwise: int | None) -> int | None:
    digits = value[1:] if value[:1] == b"-" else value
    if not digits.isdigit():
        return otherwise
    return 0 if value[:1] == b"-" else int(digits[:18])
