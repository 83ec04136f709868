"""An MCP server that keeps notes for each session in this process's memory."""

import os
from collections import defaultdict

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from starlette.requests import Request
from starlette.responses import PlainTextResponse

NODE = os.environ.get("NODE", "mcp")

server = MCPServer("notes", log_level="WARNING")
notes: defaultdict[str, list[str]] = defaultdict(list)


def session_of(context: Context) -> str:
    """The id under which the server knows the client: only MCP's streamable HTTP up to 2025-11-25 has one."""
    session = (context.headers or {}).get("mcp-session-id")
    if session is None:
        raise ToolError("notes need a session: connect with the initialize handshake")
    return session


@server.tool()
def add_note(text: str, ctx: Context) -> str:
    """Remember a note for as long as this session lasts."""
    kept = notes[session_of(ctx)]
    kept.append(text)
    return f"{len(kept)} on node {NODE}"


@server.tool()
def list_notes(ctx: Context) -> list[str]:
    """All notes of this session."""
    return notes[session_of(ctx)]


@server.tool()
async def count_up(to: int, ctx: Context) -> int:
    """Count, telling how far it is: each number is an event on the stream of the answer."""
    for number in range(1, to + 1):
        await ctx.report_progress(number, to)
    return to


@server.tool()
def which_node() -> str:
    """The node that answers; needs no session."""
    return NODE


@server.custom_route("/healthz", methods=["GET"])
async def healthz(request: Request) -> PlainTextResponse:
    return PlainTextResponse("ok\n")


app = server.streamable_http_app()
