"""What nodes are told of a client's certificate."""

from base64 import b64encode
from collections.abc import Mapping

PREFIXES = (b"client-cert", b"x-client-cert")

# RFC 4514 section 2.4
_ESCAPED = frozenset('"+,;<>\\=')
_SHORT = {
    "commonName": "CN",
    "countryName": "C",
    "localityName": "L",
    "stateOrProvinceName": "ST",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "streetAddress": "STREET",
    "domainComponent": "DC",
    "userId": "UID",
}


def is_certificate(name: bytes) -> bool:
    """Whether a field says something of a client's certificate."""
    return name.lower().startswith(PREFIXES)


def certificate_lines(encoded: bytes | None, read: Mapping[str, object] | None) -> bytes:
    """`Client-Cert` (RFC 9440 section 2.2), and the subject in words; b"" without a certificate.

    `encoded`: in DER; `read`: as `ssl` gives it.
    """
    if not encoded:
        return b""
    subject = (read or {}).get("subject")
    name = distinguished_name(subject if isinstance(subject, tuple) else ())
    return b"Client-Cert: :%b:\r\nX-Client-Cert-Subject: %b\r\n" % (b64encode(encoded), name.encode("ascii"))


def distinguished_name(subject: tuple[tuple[tuple[str, str], ...], ...]) -> str:
    """RFC 4514: `CN=anna,O=Example`, the most specific first; what is not plain ASCII in hexadecimal."""
    parts = (
        "+".join(f"{_SHORT.get(kind, kind)}={_escaped(value)}" for kind, value in pairs)
        for pairs in reversed(subject)
    )
    return ",".join(parts)


def _escaped(value: str) -> str:
    text = "".join(map(_escape, value))
    if text[:1] in (" ", "#"):
        text = "\\" + text
    return text[:-1] + "\\ " if text.endswith(" ") and len(value) > 1 else text


def _escape(character: str) -> str:
    if character in _ESCAPED:
        return "\\" + character
    if " " <= character <= "~":
        return character
    return "".join(f"\\{byte:02x}" for byte in character.encode())
