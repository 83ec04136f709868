"""A plain WSGI app for real servers: `tests.sdk.wsgi_node:app`, or `wsgi_node.py waitress|werkzeug PORT`."""

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from urllib.parse import parse_qsl

import waitress
from werkzeug.serving import run_simple

from limpet_session.wsgi import Environ, LimpetSession, StartResponse
from tests.sdk.nodes import KEY

TEXT = [("Content-Type", "text/plain")]


def plain(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    session, path = environ["limpet.session"], environ["PATH_INFO"]
    asked = dict(parse_qsl(environ["QUERY_STRING"]))
    if path == "/put":
        session.update(asked)
    elif path == "/slow":
        time.sleep(0.7)  # as long as `limpet contract --slow` wants it
        session["slow"] = 1
    elif path == "/large":
        session["large"] = "x" * 5000
    elif path == "/end":
        session.end()
    elif path == "/renew":
        session.renew()
    elif path == "/fail":
        raise ZeroDivisionError
    elif path == "/stream":
        return stream(environ, start_response, asked["until"])
    elif path == "/file":
        start_response("200 OK", TEXT)
        wrapper: Iterable[bytes] = environ.get("wsgi.file_wrapper", list)(open(__file__, "rb"))  # noqa: SIM115
        return wrapper
    elif path == "/late":
        session["early"] = 1
        write = start_response("200 OK", TEXT)
        write(b"first")
        session["late"] = 1
    body = json.dumps(dict(session)).encode()
    start_response("200 OK", [*TEXT, ("Content-Length", str(len(body)))])
    return [body]


def stream(environ: Environ, start_response: StartResponse, until: str) -> Iterator[bytes]:
    environ["limpet.session"]["streamed"] = 1
    start_response("200 OK", TEXT)
    yield b"x" * 20_000
    end = time.monotonic() + 60
    while not os.path.exists(until) and time.monotonic() < end:
        time.sleep(0.005)  # the file is of another process
    yield b"last"


app = LimpetSession(plain, keys=[os.environ.get("LIMPET_NODE_KEYS", KEY)])


if __name__ == "__main__":
    name, port = sys.argv[1], int(sys.argv[2])
    if name == "waitress":
        waitress.serve(app, host="127.0.0.1", port=port, threads=8)
    else:
        run_simple("127.0.0.1", port, app, threaded=True)
