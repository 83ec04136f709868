"""A FastAPI app that counts visits and knows who has logged in."""

import os
import tempfile
from html import escape
from pathlib import Path
from typing import Annotated

from fastapi import FastAPI, Form, Request, Response
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse
from memory_sessions import MemorySessionMiddleware
from pydantic import BaseModel

NODE = os.environ.get("NODE", "fastapi")
LEAVING = Path(tempfile.gettempdir()) / f"{NODE}.leaving"

app = FastAPI(title=f"Node {NODE}")
app.add_middleware(MemorySessionMiddleware)


class Seen(BaseModel):
    node: str = NODE
    count: int = 0
    user: str | None = None


@app.get("/")
async def home(request: Request) -> HTMLResponse:
    session = request.session
    session["count"] = session.get("count", 0) + 1
    user = escape(session.get("user", "stranger"))
    return HTMLResponse(f"<!doctype html><h1>Node {NODE}</h1><p>Hello, {user}: visit {session['count']}.")


@app.get("/session")
async def show(request: Request) -> Seen:
    return Seen(**request.session)


@app.post("/login")
async def login(request: Request, user: Annotated[str, Form(max_length=40)]) -> Response:
    request.session["user"] = user
    return RedirectResponse("/", 303)


@app.post("/logout")
async def logout(request: Request) -> Response:
    request.session.clear()
    return RedirectResponse("/session", 303)


@app.get("/healthz")
def healthz() -> PlainTextResponse:
    """404 asks Limpet to drain this node, before it stops (deploy/kubernetes): `touch /tmp/$NODE.leaving`."""
    return PlainTextResponse("leaving\n", 404) if LEAVING.exists() else PlainTextResponse("ok\n")
