"""A Flask app that does what the tests need, for gunicorn: `tests.sdk.flask_app:app`."""

import os
import time
import uuid
from datetime import UTC, datetime
from typing import Any

from flask import Flask, Response, flash, get_flashed_messages, jsonify, request, session, stream_with_context
from markupsafe import Markup
from werkzeug.exceptions import InternalServerError

from limpet_session.flask import LimpetSession
from tests.sdk.nodes import KEY

app = Flask(__name__)
LimpetSession(
    app,
    keys=os.environ.get("LIMPET_NODE_KEYS", KEY).split(","),
    max_state=20_000,
    fence_seconds=float(os.environ.get("FENCE_SECONDS", "0.5")),
)


@app.route("/healthz")
def healthz() -> str:
    return "fine"


@app.route("/show", methods=["GET", "POST"])
def show() -> Response:
    return jsonify(dict(session))


@app.route("/put", methods=["POST"])
def put() -> Response:
    session.update(request.args)
    return jsonify({**session, "pid": os.getpid(), "new": session.new})


@app.route("/hold", methods=["POST"])
def hold() -> Response:
    """Says that it has begun by making a file, and goes on when another one is there."""
    asked = dict(request.args)
    open(asked.pop("begun"), "w").close()
    end = time.monotonic() + 60
    while not os.path.exists(asked["until"]) and time.monotonic() < end:
        time.sleep(0.005)  # the file is of another process
    asked.pop("until")
    session.update(asked)
    return jsonify({"pid": os.getpid()})


@app.route("/slow")
def slow() -> str:
    time.sleep(0.7)  # as long as `limpet contract --slow` wants it
    session["slow"] = 1
    return "slow"


@app.route("/cart", methods=["POST"])
def cart() -> Response:
    session.setdefault("cart", []).append(1)
    return jsonify(session["cart"])


@app.route("/large")
def large() -> str:
    session["large"] = "x" * 5000
    return "large"


@app.route("/huge", methods=["POST"])
def huge() -> str:
    session["huge"] = "x" * 50_000
    return "never said"


@app.errorhandler(500)
def too_large(error: InternalServerError) -> tuple[str, int]:
    return type(error.original_exception).__name__, 500


@app.route("/fail", methods=["POST"])
def fail() -> str:
    session["lost"] = 1
    raise ZeroDivisionError


@app.route("/login", methods=["GET", "POST"])
def login() -> str:
    session["user"] = "ann"
    app.session_interface.regenerate(session)  # type: ignore[attr-defined]
    return "welcome"


@app.route("/logout", methods=["GET", "POST"])
def logout() -> str:
    session.clear()
    return "bye"


@app.route("/end")
def end() -> str:
    """A logout of somebody who has nothing yet."""
    session.end()  # type: ignore[attr-defined]
    return "bye"


@app.route("/flash", methods=["POST"])
def flash_one() -> str:
    flash("saved")
    return "flashed"


@app.route("/flashes", methods=["POST"])
def flashes() -> Response:
    return jsonify(get_flashed_messages())


@app.route("/kinds", methods=["POST"])
def kinds() -> Response:
    """Puts values of all kinds, or says which came back as others."""
    values: dict[str, Any] = {
        "date": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        "uuid": uuid.UUID(int=7),
        "bytes": b"\x00\xff",
        "tuple": (1, ("two",)),
        "markup": Markup("<b>"),
        "dict": {" t": "not a tag"},
    }
    if "put" in request.args:
        session.update(values)
        session.permanent = True
    same = {key: session[key] == value and type(session[key]) is type(value) for key, value in values.items()}
    return jsonify({**same, "permanent": session.permanent})


@app.route("/late", methods=["POST"])
def late() -> Response:
    session["early"] = 1

    def body() -> Any:
        yield "first"
        session["late"] = 1
        yield "never"

    return Response(stream_with_context(body()))
