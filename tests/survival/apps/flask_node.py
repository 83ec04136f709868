"""The node of these runs on Flask, under gunicorn with several processes: `PORT ENDPOINT FOLDER`."""

import os
import sys
import time

from flask import Flask, jsonify, request, session
from flask.typing import ResponseReturnValue

from limpet_session.flask import LimpetSession
from tests.survival.app import NODE_KEY
from tests.survival.asked import told, write

WORKERS = 2
app = Flask(__name__)
LimpetSession(app, keys=[NODE_KEY])


@app.get("/healthz")
def healthz() -> str:
    return "fine"


@app.route("/visit", methods=["GET", "POST"])
def visit() -> ResponseReturnValue:
    """What is asked as in `tests/survival/app.py`."""
    asked = request.args
    time.sleep(float(asked.get("before", 0)))
    write(session, asked)
    if "login" in asked:
        app.session_interface.regenerate(session)  # type: ignore[attr-defined]
    if "logout" in asked:
        session.clear()
    time.sleep(float(asked.get("after", 0)))
    return jsonify(told(session))


def main(port: str, endpoint: str, folder: str) -> None:
    """Becomes gunicorn; its sessions are in a file in the folder."""
    options = ["-w", str(WORKERS), "--threads", "16", "--keep-alive", "60", "--backlog", "2048"]
    options += ["--no-control-socket", "--log-level", "warning", "-b", f"127.0.0.1:{port}"]
    env = {**os.environ, "LIMPET_ENDPOINT": f"127.0.0.1:{endpoint}", "TMPDIR": folder}
    os.execve(sys.executable, [sys.executable, "-m", "gunicorn", *options, f"{__spec__.name}:app"], env)


if __name__ == "__main__":
    main(*sys.argv[1:])
