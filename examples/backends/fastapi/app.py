"""A FastAPI app whose sessions live in this process's memory: another process does not know them."""

import os
import secrets
from html import escape
from typing import Annotated

from fastapi import Depends, FastAPI, Form, Request, Response
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse
from pydantic import BaseModel

NODE = os.environ.get("NODE", "fastapi")


class Session(BaseModel):
    node: str = NODE
    count: int = 0
    user: str | None = None


app = FastAPI(title=f"Node {NODE}")
sessions: dict[str, Session] = {}


def current(request: Request) -> Session:
    """The visitor's session, empty and not yet kept if they have none."""
    return sessions.get(request.cookies.get("sid", ""), Session())


Current = Annotated[Session, Depends(current)]


def keep(response: Response, session: Session) -> None:
    """Keeps the session under a new key, as one should after a login."""
    key = secrets.token_urlsafe(16)
    sessions[key] = session
    response.set_cookie("sid", key, httponly=True, samesite="lax")


@app.get("/")
async def home(session: Current, request: Request) -> HTMLResponse:
    session.count += 1
    user = escape(session.user) if session.user else "stranger"
    page = HTMLResponse(f"<!doctype html><h1>Node {NODE}</h1><p>Hello, {user}: visit {session.count}.")
    if request.cookies.get("sid") not in sessions:
        keep(page, session)
    return page


@app.get("/session")
async def show(session: Current) -> Session:
    return session


@app.post("/login")
async def login(session: Current, request: Request, user: Annotated[str, Form(max_length=40)]) -> Response:
    session.user = user
    sessions.pop(request.cookies.get("sid", ""), None)
    response = RedirectResponse("/", 303)
    keep(response, session)
    return response


@app.post("/logout")
async def logout(request: Request) -> Response:
    sessions.pop(request.cookies.get("sid", ""), None)
    response = RedirectResponse("/session", 303)
    response.delete_cookie("sid")
    return response


@app.get("/healthz")
async def healthz() -> PlainTextResponse:
    return PlainTextResponse("ok\n")
