"""The dashboard's files, and the headers that keep everything else out of its page."""

import hashlib
from importlib import resources

from aiohttp import web

INDEX = "index.html"
TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
# Nothing inline, nothing from elsewhere, no frame round it: what a node or a client can write into a page
# (a reason of a node's state, an error) stays text whatever happens.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


class Files:
    """Read once, at the start."""

    def __init__(self) -> None:
        folder = resources.files("control.dashboard").joinpath("page")
        self.contents = {
            each.name: each.read_bytes() for each in folder.iterdir() if each.name.rpartition(".")[2] in TYPES
        }

    async def serve(self, request: web.Request) -> web.Response:
        """The file that the path names, the page itself where it names none. Raises 404."""
        name = request.match_info.get("file", INDEX)
        content = self.contents.get(name)
        if content is None:
            raise web.HTTPNotFound(text=f"no file {name}")
        tag = f'"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'
        headers = {**HEADERS, "ETag": tag}
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers=headers)
        kind = TYPES[name.rpartition(".")[2]]
        return web.Response(body=content, content_type=kind, charset="utf-8", headers=headers)
