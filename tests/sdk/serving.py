"""A real uvicorn in a thread, for ASGI apps made in the test."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from limpet_session import neighbours
from limpet_session.asgi import App

PATIENCE = 60.0  # seconds that anything may take before a test fails


@contextmanager
def serving(app: App, **options: Any) -> Iterator[int]:
    """The port on which the app answers; stopped, and its thread gone, at the end. `options`: of uvicorn."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, log_config=None, lifespan="off", ws="websockets-sansio", timeout_graceful_shutdown=5, **options
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    address = listener.getsockname()
    try:
        yield address[1]
    finally:
        server.should_exit = True
        thread.join(PATIENCE)
        # The next to get this port may be in another process, and would be taken for a worker of this node.
        claim = neighbours._claims.pop(address, None)
        if claim is not None:
            os.close(claim)
        listener.close()
        assert not thread.is_alive(), "uvicorn did not stop"
