"""A Flask app whose sessions live in this process's memory: another process does not know them."""

import os
import secrets

from flask import Flask, Request, Response, jsonify, redirect, render_template, request, session
from flask.sessions import SessionInterface, SessionMixin
from werkzeug import Response as AnyResponse

NODE = os.environ.get("NODE", "flask")


class MemorySession(dict, SessionMixin):
    """One visitor's data; `key` is what their cookie holds."""

    def __init__(self, key: str, data: dict) -> None:
        super().__init__(data)
        self.key = key


class MemorySessions(SessionInterface):
    """Keeps sessions on the server, where Flask's own would put them into the cookie."""

    def __init__(self) -> None:
        self.kept: dict[str, dict] = {}

    def open_session(self, app: Flask, request: Request) -> MemorySession:
        key = request.cookies.get("session", "")
        if key in self.kept:
            return MemorySession(key, self.kept[key])
        return MemorySession(secrets.token_urlsafe(16), {})

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        assert isinstance(session, MemorySession)
        if session:
            self.kept[session.key] = dict(session)
            response.set_cookie("session", session.key, httponly=True, samesite="Lax")
        elif self.kept.pop(session.key, None) is not None:
            response.delete_cookie("session")


app = Flask(__name__)
app.session_interface = MemorySessions()


@app.get("/")
def home() -> str:
    session["count"] = session.get("count", 0) + 1
    return render_template("home.html", node=NODE, count=session["count"], user=session.get("user"))


@app.get("/session")
def show() -> Response:
    return jsonify(node=NODE, count=session.get("count", 0), user=session.get("user"))


@app.post("/login")
def login() -> AnyResponse:
    session["user"] = request.form.get("user", "")[:40] or "somebody"
    return redirect("/", 303)


@app.post("/logout")
def logout() -> AnyResponse:
    session.clear()
    return redirect("/session", 303)


@app.get("/healthz")
def healthz() -> str:
    return "ok\n"
