"""What a certificate and its key are good for, or what is wrong with them.

`cryptography` takes 80 ms to import: only who has certificates pays for it.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from cryptography import x509


class CertificateError(Exception):
    """A file that cannot be used: `option` is the setting that names it, `message` says what is wrong."""

    def __init__(self, option: str, message: str) -> None:
        super().__init__(option, message)
        self.option = option
        self.message = message

    def __str__(self) -> str:
        return self.message


class Facts(NamedTuple):
    """The names that a certificate is for, in lower case (`*.` for a whole first label), how long it is good,
    and the kind of its key: `RSA`, `EC`, or another.
    """

    names: tuple[str, ...]
    not_after: datetime
    kind: str


def check_pair(cert: str, key: str, now: datetime | None = None) -> Facts:
    """What the certificate in one file is for, and that the key in the other is its own.

    Raises CertificateError.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        chain = x509.load_pem_x509_certificates(_content("cert", cert))
    except ValueError:
        raise CertificateError("cert", f"{cert} holds no certificate in PEM form") from None
    facts = _facts(chain[0])
    _check_dates(chain[0], cert, now or datetime.now(UTC))
    content = _content("key", key)
    try:
        private = load_pem_private_key(content, None)
    except TypeError:
        message = f"the key in {key} is protected by a password: it must be one without"
        raise CertificateError("key", message) from None
    except ValueError:
        raise CertificateError("key", f"{key} holds no private key in PEM form") from None
    if private.public_key() != chain[0].public_key():
        raise CertificateError("key", f"the key in {key} is not that of the certificate in {cert}")
    return facts


def check_authorities(option: str, path: str) -> None:
    """Whether a file holds certificates that others can be checked by. Raises CertificateError."""
    from cryptography import x509

    try:
        x509.load_pem_x509_certificates(_content(option, path))
    except ValueError:
        raise CertificateError(option, f"{path} holds no certificate in PEM form") from None


def _content(option: str, path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        why = (error.strerror or "").lower()
        raise CertificateError(option, f"the file {path} cannot be read: {why}") from None


def _check_dates(certificate: "x509.Certificate", path: str, now: datetime) -> None:
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now > ends:
        raise CertificateError("cert", f"the certificate in {path} expired on {ends:%Y-%m-%d}")
    if now < begins:
        raise CertificateError("cert", f"the certificate in {path} is not valid before {begins:%Y-%m-%d}")


def _facts(certificate: "x509.Certificate") -> Facts:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    names: Sequence[str] = ()
    try:
        alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        names = alternatives.value.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        common = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        names = [str(attribute.value) for attribute in common]
    key = certificate.public_key()
    curve = isinstance(key, EllipticCurvePublicKey)
    kind = "EC" if curve else "RSA" if isinstance(key, RSAPublicKey) else "other"
    return Facts(tuple(name.lower().rstrip(".") for name in names), certificate.not_valid_after_utc, kind)
