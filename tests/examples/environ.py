"""A WSGI app that answers with the HTTP_* part of its environ: what an app can be made to believe."""

import json
import sys
from typing import TYPE_CHECKING
from wsgiref.simple_server import make_server

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment


def application(environ: "WSGIEnvironment", start_response: "StartResponse") -> "Iterable[bytes]":
    told = {name: value for name, value in environ.items() if name.startswith("HTTP_")}
    body = json.dumps(told).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def main(server: str, port: int) -> None:
    """Serves under werkzeug or under the standard library's wsgiref."""
    if server == "werkzeug":
        from werkzeug.serving import run_simple

        run_simple("127.0.0.1", port, application, threaded=True)
    else:
        make_server("127.0.0.1", port, application).serve_forever()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
