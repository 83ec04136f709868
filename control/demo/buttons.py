"""What the page's buttons call: Limpet routes `/demo` to this app, which runs in the demo itself."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict

from aiohttp import web

from control.demo.stage import COLOURS, Stage


class Buttons:
    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    async def state(self, request: web.Request) -> web.Response:
        now = asdict(self._stage.now)
        return web.json_response(
            {**now, "colours": COLOURS, "events": list(self._stage.events)},
            headers={"Cache-Control": "no-store"},
        )

    async def press(self, request: web.Request) -> web.Response:
        """Kills a node or brings it back; another site's page may not."""
        if request.headers.get("Origin", "") not in ("", f"http://{request.host}"):
            raise web.HTTPForbidden(text="this button is for the demo's own page\n")
        name, what = request.match_info["node"], request.match_info["what"]
        if name not in COLOURS:
            raise web.HTTPNotFound(text=f"no node {name!r}\n")
        await (self._stage.kill(name) if what == "kill" else self._stage.start(name))
        return web.Response(status=204)


def make_app(stage: Stage) -> web.Application:
    buttons = Buttons(stage)
    app = web.Application()
    app.add_routes(
        [
            web.get("/demo/state", buttons.state),
            web.post(r"/demo/{node}/{what:kill|start}", buttons.press),
        ]
    )
    return app


@asynccontextmanager
async def serve_buttons(stage: Stage) -> AsyncIterator[None]:
    """Serves the buttons on the socket that the stage's configuration names."""
    runner = web.AppRunner(make_app(stage), access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.UnixSite(runner, str(stage.controls)).start()
        yield
    finally:
        await runner.cleanup()
