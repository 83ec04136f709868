"""How a service knows whose request it is: one object for each service, made from its few options."""

from dataclasses import dataclass
from typing import Literal, Protocol

from sessions.foreign import ForeignKey
from sessions.ids import new_id
from sessions.issue import IssuedCookie
from sessions.token import Sealer
from sessions.visit import NO_STATE, UNKNOWN, Ages, Answer, Held, Visit
from sessions.wrap import WrappedCookie
from sessions.wrap_header import WrappedHeader

__all__ = ["UNKNOWN", "Affinity", "AffinityOptions", "Answer", "Visit", "make_affinity", "new_id"]


class Affinity(Protocol):
    """Reads who a request is from, and writes into the answer what its client is to remember.

    A session is routed by its pin where `mints` is true (a visit without a session gets a `new_id()`),
    and otherwise by the hash of `session_id`, or by load alone where that is "".
    """

    header: bytes  # the lower-case name of the header that is read and written; b"" = none
    mints: bool  # sessions have ids and pins of Limpet's
    oversized: int  # how often a sealed cookie was too long for browsers to keep

    def visit(self, cookie: bytes, header: bytes, now: int) -> Visit:
        """Who this is. `cookie`: all Cookie values joined by "; "; `header`: the value of `self.header`.

        Either is b"" where the request has none.
        Never raises: what cannot be read is as if it were not there. `now` in unix seconds.
        """

    def quiet(self, visit: Visit, node: int, now: int) -> bool:
        """True when an answer with neither Set-Cookie nor `self.header` needs no token.

        The hot path's short cut: `answer` is left out.
        """

    def answer(
        self,
        visit: Visit,
        session_id: str,
        node: int,
        set_cookies: list[bytes],
        header: bytes,
        now: int,
        secure: bool,
        held: Held = NO_STATE,
    ) -> Answer:
        """What of the response's head concerns the session that `node` served under `session_id`.

        `set_cookies`: the node's, in order; `header`: its value of `self.header`, or b""; `secure`:
        the client came by https; `held`: what the token is to say of the session's state. With "" as the
        session's id, or -1 as its node, no token is set.
        """


@dataclass(frozen=True)
class AffinityOptions:
    """How one service recognises sessions; times in seconds."""

    mode: Literal["issue", "wrap", "hash", "none"] = "issue"
    cookie: str = ""  # issue: `limpet_<service>` unless named; wrap, hash: the app's
    header: str = ""  # wrap, hash: instead of a cookie
    idle: float = 1800.0
    lifetime: float = 43200.0
    same_site: Literal["lax", "strict", "none"] = "lax"
    secure: Literal["auto", "always", "never"] = "auto"
    max_age: float | None = None
    domain: str = ""
    set_token: Literal["always", "when_written"] = "always"


def make_affinity(options: AffinityOptions, sealer: Sealer) -> Affinity:
    """The affinity of the sealer's service. Raises ValueError where the options contradict each other."""
    cookie, header = options.cookie.encode(), options.header.encode()
    ages = Ages(max(1, round(options.idle)), max(1, round(options.lifetime)))
    match options.mode:
        case "issue":
            name = cookie or f"limpet_{sealer.service}".encode()
            when_written = options.set_token == "when_written"
            return IssuedCookie(name, sealer, ages, _both_attributes(name, options), when_written)
        case "wrap" if cookie and not header:
            return WrappedCookie(cookie, sealer, ages)
        case "wrap" if header and not cookie:
            return WrappedHeader(header, sealer, ages.lifetime)
        case "hash" if bool(cookie) != bool(header):
            return ForeignKey(cookie, header)
        case "none":
            return ForeignKey()
    raise ValueError(f"mode {options.mode} needs the name of either a cookie or a header")


def _both_attributes(name: bytes, options: AffinityOptions) -> tuple[bytes, bytes]:
    """What follows an issued cookie's value: for a client that came in the clear, and for one by https.

    Browsers refuse `__Secure-` and `__Host-` cookies, and `SameSite=None`, without `Secure`, and a
    `__Host-` cookie with a `Domain` (RFC 6265bis sections 4.1.2.7 and 4.1.3).
    """
    prefix = name.lower()
    must = prefix.startswith((b"__host-", b"__secure-")) or options.same_site == "none"
    if must and options.secure == "never":
        raise ValueError(f"cookie {name.decode()} is refused by browsers without `Secure`")
    if prefix.startswith(b"__host-") and options.domain:
        raise ValueError(f"cookie {name.decode()} is refused by browsers with a domain")
    text = f"; HttpOnly; Path=/; SameSite={options.same_site.capitalize()}"
    if options.domain:
        text += f"; Domain={options.domain}"
    if options.max_age is not None:
        text += f"; Max-Age={max(1, round(options.max_age))}"
    plain = text.encode()
    secure = plain + b"; Secure"
    if must or options.secure == "always":
        return secure, secure
    return plain, plain if options.secure == "never" else secure
