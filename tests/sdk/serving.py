"""A real uvicorn in a thread, for ASGI apps made in the test."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from limpet_session.asgi import App

PATIENCE = 10.0  # seconds that anything may take before a test fails


@contextmanager
def serving(app: App) -> Iterator[int]:
    """The port on which the app answers; stopped, and its thread gone, at the end."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, log_config=None, lifespan="off", ws="websockets-sansio", timeout_graceful_shutdown=5
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(PATIENCE)
        listener.close()
        assert not thread.is_alive(), "uvicorn did not stop"
