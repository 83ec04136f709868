"""The certificates that a listener shows: chosen by the name that a client asks for, and renewed."""

import logging
import ssl
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from config.certificates import CertificateError, Facts, check_pair
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
    """What the files held: a context for each name, and the first one's. `expiries`: unix time, by file."""

    default: ssl.SSLContext
    by_name: dict[str, ssl.SSLContext]
    expiries: dict[str, float]
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

    @property
    def expiries(self) -> Mapping[str, float]:
        """By the file of each certificate in use, the unix time at which it expires."""
        return self._loaded.expiries

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
        facts = [check_pair(*pair.files) for pair in settings.certificates]
        shown = shown_by_name(facts)
        contexts = {group: _context(settings, group) for group in {(0,), *shown.values()}}
        default = contexts[shown[facts[0].names[0]] if facts[0].names else (0,)]
        default.sni_callback = self._refuse if settings.unknown_name == "refuse" else self._choose
        by_name = {name: contexts[group] for name, group in shown.items()}
        pairs = zip(settings.certificates, facts, strict=True)
        return Loaded(
            default, by_name, {pair.cert: each.not_after.timestamp() for pair, each in pairs}, stamp
        )

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


def shown_by_name(facts: Sequence[Facts]) -> dict[str, tuple[int, ...]]:
    """The certificates that may be shown for each name, by their indices: the first with each kind of key.

    One for exactly this name comes before one with `*.` in place of its first label.
    """
    found: dict[str, dict[str, int]] = {}
    for index, each in enumerate(facts):
        for name in each.names:
            found.setdefault(name, {}).setdefault(each.kind, index)
    for name, kinds in found.items():
        found[name] = found.get("*." + name.partition(".")[2], {}) | kinds
    return {name: tuple(sorted(kinds.values())) for name, kinds in found.items()}


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


def _context(settings: ListenerTls, group: Iterable[int]) -> ssl.SSLContext:
    """Shows these of the certificates: which one, OpenSSL decides by what the client can verify."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = (
        ssl.TLSVersion.TLSv1_3 if settings.min_version == "TLSv1.3" else ssl.TLSVersion.TLSv1_2
    )
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE  # all are good: who has no AES in hardware may say so
    context.set_alpn_protocols(["http/1.1"])
    for cert, key in (settings.certificates[index].files for index in group):
        try:
            context.load_cert_chain(
                cert, key, password=lambda: b""
            )  # without it OpenSSL asks on the terminal
        except OSError as error:  # ssl.SSLError is one
            raise CertificateError("cert", f"{cert} and its key cannot be used: {error}") from None
    if settings.client_ca is not None:
        try:
            context.load_verify_locations(settings.client_ca)
        except OSError as error:
            raise CertificateError("client_ca", f"{settings.client_ca} cannot be used: {error}") from None
        context.verify_mode = VERIFY[settings.client_certificate]
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
