"""Who may call the admin port: whoever has the token, or, where there is none, programs of this machine."""

import base64
import binascii
import hmac
import ipaddress
from collections.abc import Callable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from yarl import URL

OPEN = ("/healthz", "/readyz")  # load balancers and orchestrators ask these, and they say nothing of interest
CHALLENGE = 'Basic realm="limpet", charset="UTF-8"'  # so that a browser asks for the token as a password


def guard(token_now: Callable[[], bytes | None]) -> Middleware:
    """A middleware that refuses with 401 or 403 before any handler runs.

    Without a token the admin port is on loopback only, and a page of any website could have the browser of
    somebody on this machine call it: by its own name that resolves to 127.0.0.1 (DNS rebinding, seen in
    Host), or across origins (seen in Origin).
    """

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        token = token_now()
        if request.path not in OPEN:
            if token is None:
                if not local(request.host):
                    raise web.HTTPForbidden(text="without `admin.token`, Host must name the loopback address")
            elif not hmac.compare_digest(presented(request), token):
                raise web.HTTPUnauthorized(
                    text="the admin token is needed: Authorization: Bearer TOKEN",
                    headers={"WWW-Authenticate": CHALLENGE},
                )
            if request.method not in ("GET", "HEAD") and not same_origin(request):
                raise web.HTTPForbidden(text="a page of another origin may not change anything here")
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


def same_origin(request: web.Request) -> bool:
    """Whether the request comes from no page at all, or from one of this very site."""
    origin = request.headers.get("Origin")
    return origin is None or origin == f"{request.scheme}://{request.host}"
