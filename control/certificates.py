"""The certificates that a listener shows: chosen by the name that a client asks for, and renewed."""

import logging
import ssl
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from config.certificates import CertificateError, check_pair
from config.listener_settings import ListenerTls

logger = logging.getLogger("limpet.tls")

# Mozilla's "intermediate" (5.7) without its finite-field ones, for TLS 1.2; all of TLS 1.3's are good.
CIPHERS = ":".join(
    (
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        "ECDHE-RSA-CHACHA20-POLY1305",
    )
)
VERIFY = {"require": ssl.CERT_REQUIRED, "request": ssl.CERT_OPTIONAL}

Stamp = tuple[tuple[int, int, int], ...]


class Loaded(NamedTuple):
    """What the files held: a context for each name, and the first one's."""

    default: ssl.SSLContext
    by_name: dict[str, ssl.SSLContext]
    stamp: Stamp

    def find(self, name: str) -> ssl.SSLContext | None:
        """The context for a name: its own certificate before that of `*.` and all but its first label."""
        name = name.lower().rstrip(".")
        return self.by_name.get(name) or self.by_name.get("*." + name.partition(".")[2])


class Certificates:
    """One listener's."""

    def __init__(self, settings: ListenerTls) -> None:
        """Raises CertificateError."""
        self._settings = settings
        self._loaded = self._load(settings)
        self._refused: Stamp = ()  # the files as they were when they could not be used

    @property
    def context(self) -> ssl.SSLContext:
        """For a handshake that begins now."""
        return self._loaded.default

    def reload(self, settings: ListenerTls | None = None) -> bool:
        """Take what the files hold now, or other files; False where that cannot be used.

        What there was then stays, and the log says why. Connections that stand keep what they have; where no
        file has changed nothing happens, so that sessions can be resumed.
        """
        wanted = settings or self._settings
        stamp = _stamp(wanted)
        if wanted == self._settings and stamp == self._loaded.stamp:
            return True
        if wanted == self._settings and stamp == self._refused:
            return False
        try:
            self._loaded = self._load(wanted)
        except CertificateError as error:
            self._refused = stamp
            logger.error("the certificates stay as they were: %s", error)
            return False
        self._settings, self._refused = wanted, ()
        logger.info("certificates loaded: %s", ", ".join(each.cert for each in wanted.certificates))
        return True

    def _load(self, settings: ListenerTls) -> Loaded:
        stamp = _stamp(settings)  # before they are read: what changes meanwhile is noticed later
        by_name: dict[str, ssl.SSLContext] = {}
        contexts = []
        for pair in settings.certificates:
            names = check_pair(*pair.files).names
            context = _context(settings, *pair.files)
            contexts.append(context)
            for name in names:
                by_name.setdefault(name, context)
        contexts[0].sni_callback = self._refuse if settings.unknown_name == "refuse" else self._choose
        return Loaded(contexts[0], by_name, stamp)

    def _choose(self, handshake: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        """The server's part of RFC 6066 section 3; anybody else gets the default."""
        if name and (found := self._loaded.find(name)) is not None:
            handshake.context = found

    def _refuse(self, handshake: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> int | None:
        found = self._loaded.find(name) if name else None
        if found is None:
            return int(ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME)
        handshake.context = found
        return None


def all_files(settings: ListenerTls) -> Iterator[str]:
    """The files of a listener's certificates."""
    for pair in settings.certificates:
        yield from pair.files
    if settings.client_ca is not None:
        yield settings.client_ca


def reload_all(listeners: Iterable[Certificates]) -> bool:
    """Take what all files hold now; False where some cannot be used."""
    kept = [certificates for certificates in listeners if not certificates.reload()]
    return not kept


def _context(settings: ListenerTls, cert: str, key: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = (
        ssl.TLSVersion.TLSv1_3 if settings.min_version == "TLSv1.3" else ssl.TLSVersion.TLSv1_2
    )
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE  # all are good: who has no AES in hardware may say so
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(cert, key, password=lambda: b"")  # without it OpenSSL asks on the terminal
        if settings.client_ca is not None:
            context.load_verify_locations(settings.client_ca)
            context.verify_mode = VERIFY[settings.client_certificate]
    except OSError as error:  # ssl.SSLError is one
        raise CertificateError("cert", f"{cert} and its key cannot be used: {error}") from None
    return context


def _stamp(settings: ListenerTls) -> Stamp:
    return stamp_of(all_files(settings))


def stamp_of(files: Iterable[str]) -> Stamp:
    """By what it shows that files are other ones."""
    return tuple(map(_stamp_of, files))


def _stamp_of(path: str) -> tuple[int, int, int]:
    try:
        found = Path(path).stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_mtime_ns, found.st_ino, found.st_size)
