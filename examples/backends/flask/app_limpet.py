"""A Flask app that counts visits and knows who has logged in."""

import os

from flask import Flask, Response, jsonify, redirect, render_template, request, session
from limpet_session.flask import LimpetSession
from werkzeug import Response as AnyResponse

NODE = os.environ.get("NODE", "flask")

app = Flask(__name__)
LimpetSession(app, keys=[os.environ["LIMPET_NODE_KEY"]])


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
    app.session_interface.regenerate(session)
    return redirect("/", 303)


@app.post("/logout")
def logout() -> AnyResponse:
    session.clear()
    return redirect("/session", 303)


@app.get("/healthz")
def healthz() -> str:
    return "ok\n"
