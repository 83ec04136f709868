"""Who may call the admin port: whoever has the token, or, where there is none, programs of this machine."""

import base64
import binascii
import hmac
import ipaddress
import logging
import math
from collections.abc import Callable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from yarl import URL

from control.attempts import Attempts

logger = logging.getLogger("limpet.admin")

OPEN = ("/healthz", "/readyz")  # load balancers and orchestrators ask these, and they say nothing of interest
CHANGES_NOTHING = ("/api/explain",)  # though it is a POST, to keep cookies out of URLs
CHALLENGE = 'Basic realm="limpet", charset="UTF-8"'  # so that a browser asks for the token as a password


def guard(token_now: Callable[[], bytes | None], attempts: Attempts | None = None) -> Middleware:
    """A middleware that refuses with 401, 403 or 429 before any handler runs.

    Without a token the admin port is on loopback only, and a page of any website could have the browser of
    somebody on this machine call it: by its own name that resolves to 127.0.0.1 (DNS rebinding, seen in
    Host), or across origins (seen in Origin and Sec-Fetch-Site). So no page may change anything there.
    """
    failures = attempts or Attempts()

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        token = token_now()
        if request.path not in OPEN:
            if token is not None:
                _check_token(request, token, failures)
            elif not local(request.host):
                raise web.HTTPForbidden(text="without `admin.token`, Host must name the loopback address")
            if request.method not in ("GET", "HEAD"):
                _check_page(request, token is not None)
        return await handler(request)

    return check


def local(host: str) -> bool:
    """Whether a Host field names this machine's loopback by address or as `localhost`."""
    try:
        name = URL(f"http://{host}").host or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def presented(request: web.Request) -> bytes:
    """The token that the request brings: as a bearer token, or as the password of Basic (RFC 7617)."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip().encode("utf-8", "surrogateescape")
    if scheme.lower() != "basic":
        return b""
    try:
        return base64.b64decode(value.strip(), validate=True).partition(b":")[2]
    except binascii.Error:
        return b""


def from_page(request: web.Request) -> bool:
    """Whether a page in a browser has sent this, and not a program."""
    return "Origin" in request.headers or "Sec-Fetch-Site" in request.headers


def same_origin(request: web.Request) -> bool:
    """Whether the request comes from no page at all, or from one of this very site.

    The scheme is not compared: before the admin port may stand something that speaks TLS.
    """
    origin = request.headers.get("Origin")
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return False
    return origin is None or origin in (f"http://{request.host}", f"https://{request.host}")


def _check_token(request: web.Request, token: bytes, attempts: Attempts) -> None:
    """A request without any token costs no attempt: a browser asks its user only after it was refused."""
    address = request.remote or ""
    if wait := attempts.wait_seconds(address):
        text = "too many wrong tokens came from this address: try again later"
        raise web.HTTPTooManyRequests(text=text, headers={"Retry-After": str(math.ceil(wait))})
    shown = presented(request)
    if hmac.compare_digest(shown, token):
        return
    if shown:
        attempts.failed(address)
        if attempts.wait_seconds(address):
            logger.warning("too many wrong admin tokens from %s: it has to wait", address or "a unix socket")
    text = "the admin token is needed: Authorization: Bearer TOKEN"
    raise web.HTTPUnauthorized(text=text, headers={"WWW-Authenticate": CHALLENGE})


def _check_page(request: web.Request, with_token: bool) -> None:
    if not same_origin(request):
        raise web.HTTPForbidden(text="a page of another origin may not change anything here")
    if from_page(request) and not with_token and request.path not in CHANGES_NOTHING:
        raise web.HTTPForbidden(text="a page may change something only where `admin.token` is set")
