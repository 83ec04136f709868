"""A node for the tests, in a process of its own: the Python SDK under uvicorn. Prints its port."""

import asyncio
import socket
import sys
from typing import Any
from urllib.parse import parse_qsl

import uvicorn

from limpet_session.asgi import LimpetSessionMiddleware
from limpet_session.session import Session

KEY = "a-shared-secret"


async def app(scope: Any, receive: Any, send: Any) -> None:
    """`?add=KEY` counts, `?size=N` makes the state large, `?wait=S` takes its time; `?end=1`, `?renew=1`."""
    session: Session = scope["session"]
    wanted = dict(parse_qsl(scope["query_string"].decode()))
    if "wait" in wanted:
        await asyncio.sleep(float(wanted["wait"]))
    if "add" in wanted:
        session[wanted["add"]] = session.get(wanted["add"], 0) + 1
    if "size" in wanted:
        session["large"] = "x" * int(wanted["size"])
    if "end" in wanted:
        session.end()
    if "renew" in wanted:
        session.renew()
    body = repr({name: value for name, value in session.copy().items() if name != "large"}).encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


def main(path: str) -> None:
    """Serve on a unix socket at `path`, or on a free port where that is empty."""
    if path:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
    else:
        listener = socket.create_server(("127.0.0.1", 0))
    listener.listen(100)
    print("ready" if path else listener.getsockname()[1], flush=True)
    made = LimpetSessionMiddleware(app, [KEY])
    config = uvicorn.Config(made, log_level="critical", lifespan="off", timeout_keep_alive=60)
    uvicorn.Server(config).run([listener])


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
