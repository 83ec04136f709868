"""docs/contract.md: every exchange that it shows is what a node says."""

import re
import socket
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from limpet_session import LimpetSessionMiddleware
from tests.sdk.serving import PATIENCE, serving

DOC = Path(__file__).parent.parent.parent / "docs" / "contract.md"
CASES = {
    *("new", "write", "read", "need", "takeover", "refused takeover", "large state"),
    *("end", "renew", "dead id", "touch", "batch", "fence", "list"),
}


async def show(request: Request) -> JSONResponse:
    return JSONResponse(dict(request.session))


async def set_keys(request: Request) -> JSONResponse:
    request.session.update(request.query_params)
    return JSONResponse(dict(request.session))


async def sizes(request: Request) -> JSONResponse:
    return JSONResponse({key: len(value) for key, value in request.session.items()})


async def login(request: Request) -> JSONResponse:
    request.session.renew()  # type: ignore[attr-defined]
    return await set_keys(request)


async def logout(request: Request) -> JSONResponse:
    request.session.clear()
    return JSONResponse({})


def node() -> LimpetSessionMiddleware:
    app = Starlette(
        routes=[
            Route("/", show),
            Route("/set", set_keys, methods=["POST"]),
            Route("/sizes", sizes),
            Route("/login", login, methods=["POST"]),
            Route("/logout", logout, methods=["POST"]),
        ]
    )
    ids = iter(["W8sN2uJhD4gQx6yVaC1oEg"])
    return LimpetSessionMiddleware(
        app, ["another-secret", "a-shared-secret"], clock=lambda: 0.0, new_id=lambda: next(ids)
    )


def exchanges() -> list[tuple[str, str]]:
    blocks = re.findall(r"^```http\n(.*?)^```$", DOC.read_text(), re.M | re.S)
    return list(zip(blocks[::2], blocks[1::2], strict=True))


def wire(block: str) -> bytes:
    """What is sent: CRLF in the head, repeated letters written out, no line end after a body of one line."""
    block = re.sub(r"\((\d+) times (\w)\)", lambda found: int(found[1]) * found[2], block)
    head, _, body = block.partition("\n\n")
    if body.count("\n") == 1:
        body = body.rstrip("\n")
    return head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body.encode()


def ask(port: int, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
        client.sendall(request.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
        return b"".join(iter(lambda: client.recv(65536), b""))


def parse(answer: bytes) -> tuple[str, dict[str, str], str]:
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if "limpet-node" in fields:  # random
        fields["limpet-node"] = "so many" if len(fields["limpet-node"]) == 32 else "too few"
    return status, fields, body.decode()


def ours(fields: dict[str, str]) -> set[str]:
    return {name for name in fields if name.startswith("limpet-")}


def test_every_exchange_of_the_contract_is_true() -> None:
    with serving(node()) as port:
        for request, expected in exchanges():
            sent = wire(request)
            head, _, body = sent.partition(b"\r\n\r\n")
            assert b"\r\nContent-Length: %d\r\n" % len(body) in head or not body, (request, len(body))
            status, fields, content = parse(ask(port, sent))
            wanted_status, wanted_fields, wanted_content = parse(wire(expected))
            assert (status, content.rstrip("\n")) == (wanted_status, wanted_content.rstrip("\n")), request
            assert {name: fields.get(name) for name in wanted_fields} == wanted_fields, request
            assert ours(fields) == ours(wanted_fields), request


def test_the_contract_shows_each_case() -> None:
    worked = DOC.read_text().split("## Worked exchanges")[1].split("\n## ")[0]
    cases = {section.split("\n")[0].lower(): section for section in worked.split("\n### ")[1:]}
    assert cases.keys() == CASES
    assert all(section.count("```http") >= 2 for section in cases.values())
