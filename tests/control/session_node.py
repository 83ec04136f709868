"""An app with a counter in each session, under uvicorn with the Python SDK; prints its port."""

import json
import socket
import sys
from typing import Any

import uvicorn

from limpet_session.asgi import LimpetSessionMiddleware

KEY = "a secret that proxy and nodes share".replace(" ", "-")


async def app(scope: Any, receive: Any, send: Any) -> None:
    """`/add` adds one, `/end` ends the session, anything else reads; `/healthz` is for the probes."""
    if scope["type"] == "websocket":
        await count_socket(scope, receive, send)
    if scope["type"] != "http":
        return
    session = scope["session"]
    if scope["path"] == "/add":
        session["count"] = session.get("count", 0) + 1
    if scope["path"] == "/end":
        session.end()
    body = json.dumps({"count": 0 if scope["path"] == "/end" else session.get("count", 0)}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def count_socket(scope: Any, receive: Any, send: Any) -> None:
    """Adds one, tells the count and the node's port, and stays open until the client has said something."""
    session = scope["session"]
    session["count"] = session.get("count", 0) + 1
    await receive()
    await send({"type": "websocket.accept"})
    told = {"count": session["count"], "port": scope["server"][1]}
    await send({"type": "websocket.send", "text": json.dumps(told)})
    await receive()
    session["count"] = 0  # raises: its answer has gone out


async def plain(scope: Any, receive: Any, send: Any) -> None:
    """The same app, which forgets everything."""
    await app({**scope, "session": {}}, receive, send)


def main(host: str, port: str, kept: bool) -> None:
    """Serve there, port 0 for a free one."""
    listener = socket.create_server((host, int(port)), backlog=1000)
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(
        LimpetSessionMiddleware(app, [KEY]) if kept else plain,
        log_level="critical",
        lifespan="off",
        ws="websockets-sansio",
        timeout_keep_alive=60,
    )
    uvicorn.Server(config).run([listener])


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:] != ["plain"])
