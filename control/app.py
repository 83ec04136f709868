"""The admin port: metrics, health, the state of services and nodes, and the operator's commands, as JSON."""

import asyncio
import json
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from secrets import token_bytes
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from config.flat import disguise, flat
from config.settings import Settings
from config.units import parse_duration
from config.values import Refused
from control.cluster import Cluster, Watch
from control.dashboard.files import Files
from control.dashboard.picture import Picture
from control.dashboard.stream import Stream
from control.discovery.discovery import DiscoveryFacts
from control.events import Events
from control.explain import Door, explain
from control.guard import guard
from control.keeping import Keeping, Kept
from control.metrics import CONTENT_TYPE, Metrics
from control.overview import NodeFacts, config_facts, node_facts, service_facts, without_nodes
from control.pace import Paces
from control.reload import Loading, Reload
from control.staff import Staff
from control.upgrade import UpgradeError
from proxy.engine import Engine
from routing.states import Mode
from sessions.privacy import Pseudonyms

COMMANDS = {"drain": Mode.DRAIN, "ready": Mode.READY, "maint": Mode.MAINT}
KEPT_HEADERS = ("Allow", "WWW-Authenticate", "Retry-After")
LARGEST_BODY = 64 * 1024  # a Cookie header to explain is the largest thing that anybody sends


@dataclass
class Admin:
    """What the admin port shows and changes. `cookies`: by service, the cookie that sessions are known by.

    `loading`: how the configuration was last read; `discovery`: how nodes are found; `reload`: reads the file
    again; `upgrade`: starts another process in place of this one.
    """

    engine: Engine
    cluster: Cluster
    pseudonyms: Pseudonyms
    metrics: Metrics
    keeping: Keeping
    staff: Staff
    cookies: Mapping[str, str] = field(default_factory=dict)
    token: bytes | None = None
    loading: Loading = field(default_factory=lambda: Loading("", 0.0, 0.0))
    discovery: Callable[[], list[DiscoveryFacts]] = list
    reload: Reload | None = None
    upgrade: Callable[[], Awaitable[int]] | None = None
    settings: Callable[[], Settings] | None = None  # that are in use
    nonce: bytes = field(default_factory=lambda: token_bytes(16))  # for what stands in place of secrets


def make_app(admin: Admin) -> web.Application:
    """The aiohttp application; errors are JSON too: `{"error": "..."}`."""
    checks = [errors_as_json(), guard(lambda: admin.token)]
    app = web.Application(middlewares=checks, client_max_size=LARGEST_BODY)
    paces = Paces()
    picture = Picture(
        admin.engine,
        admin.cluster,
        admin.keeping,
        paces,
        lambda: config_facts(admin.loading),
        admin.staff,
        admin.discovery,
    )
    stream = Stream(picture, Events(), lambda: admin.token)
    app.cleanup_ctx.append(stream.live)
    app.on_shutdown.append(stream.end)
    files = Files()
    pages = Pages(admin, paces, picture)
    app.add_routes(
        [
            web.get("/", files.serve),
            web.get("/dashboard/{file}", files.serve),
            web.get("/healthz", pages.healthz),
            web.get("/readyz", pages.readyz),
            web.get("/metrics", pages.metrics),
            web.get("/api/nodes", pages.nodes),
            web.get("/api/services", pages.services),
            web.get("/api/workers", pages.workers),
            web.get("/api/config", pages.config),
            web.get("/api/settings", pages.settings),
            web.post("/api/reload", pages.reload),
            web.post("/api/upgrade", pages.upgrade),
            web.get("/api/history", pages.history),
            web.get("/api/stream", stream.serve),
            web.post("/api/explain", pages.explain),
            web.post("/api/services/{service}/nodes/{node}/{command}", pages.command),
        ]
    )
    return app


class Pages:
    """The handlers."""

    def __init__(self, admin: Admin, paces: Paces, picture: Picture) -> None:
        self._admin = admin
        self._paces = paces
        self._picture = picture

    async def healthz(self, request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def readyz(self, request: web.Request) -> web.Response:
        """503 while stopping, and when no service at all has a node: one broken app does not take the others'
        traffic away from this proxy."""
        engine = self._admin.engine
        missing = without_nodes(engine)
        ready = not engine.stopping and len(missing) < len(engine.services)
        word = "ready" if ready else "stopping" if engine.stopping else "no nodes"
        return web.json_response({"status": word, "without_nodes": missing}, status=200 if ready else 503)

    async def metrics(self, request: web.Request) -> web.StreamResponse:
        await self._admin.staff.refresh()
        response = web.StreamResponse(headers={"Content-Type": CONTENT_TYPE})
        await response.prepare(request)
        async for part in self._admin.metrics.exposition():
            await response.write(part)
        await response.write_eof()
        return response

    async def nodes(self, request: web.Request) -> web.Response:
        await self._admin.staff.refresh()
        return web.json_response({"nodes": self._facts()})

    async def services(self, request: web.Request) -> web.Response:
        await self._admin.staff.refresh()
        services = self._admin.engine.services.values()
        facts = [service_facts(s, self._kept(s.name), self._paces.service(s.name)) for s in services]
        return web.json_response({"services": facts, "discovery": self._admin.discovery()})

    async def workers(self, request: web.Request) -> web.Response:
        await self._admin.staff.refresh()
        return web.json_response({"workers": self._admin.staff.facts()})

    async def config(self, request: web.Request) -> web.Response:
        return web.json_response(config_facts(self._admin.loading))

    async def upgrade(self, request: web.Request) -> web.Response:
        """409 where this process has to stay."""
        if await json_object(request):
            raise web.HTTPBadRequest(text="there are no options")
        if self._admin.upgrade is None:
            raise web.HTTPNotFound(text="this is no process that can be replaced")
        try:
            return web.json_response({"pid": await asyncio.shield(self._admin.upgrade())})
        except UpgradeError as error:
            raise web.HTTPConflict(text=str(error)) from None

    async def settings(self, request: web.Request) -> web.Response:
        """Without secrets: whoever knows one can see by the nonce whether it is the same."""
        nonce, settings = self._admin.nonce, self._admin.settings
        if settings is None:
            raise web.HTTPNotFound(text="there is no file")
        return web.json_response({"nonce": nonce.hex(), "settings": flat(settings(), disguise(nonce))})

    async def reload(self, request: web.Request) -> web.Response:
        """422 where the file was refused, with all that is wrong."""
        if await json_object(request):
            raise web.HTTPBadRequest(text="there are no options")
        if self._admin.reload is None:
            raise web.HTTPNotFound(text="there is no file to read again")
        facts = config_facts(await asyncio.shield(self._admin.reload("admin API")))
        if facts["problems"]:
            raise web.HTTPUnprocessableEntity(text="\n".join(facts["problems"]))
        return web.json_response(facts)

    async def history(self, request: web.Request) -> web.Response:
        return web.json_response(self._picture.history())

    async def explain(self, request: web.Request) -> web.Response:
        asked = await json_object(request)
        given, only = asked.get("session"), asked.get("service")
        if not isinstance(given, str) or not given:
            raise web.HTTPBadRequest(text="`session` must be a Cookie header, a token or a session id")
        services = [self._watch(str(only)).name] if only is not None else list(self._admin.engine.services)
        found = []
        for name in services:
            cookie = self._admin.cookies.get(name, "")
            door = Door(self._admin.engine.services[name], cookie, self._kept(name))
            if (explanation := await explain(door, given, self._admin.pseudonyms)) is not None:
                found.append(explanation)
        return web.json_response({"found": found})

    async def command(self, request: web.Request) -> web.Response:
        watch = self._watch(request.match_info["service"])
        name, word = request.match_info["node"], request.match_info["command"]
        if word not in COMMANDS:
            raise web.HTTPNotFound(text=f"no command {word}; there are {', '.join(COMMANDS)}")
        seconds = deadline(await json_object(request), word)
        service, kept = self._admin.engine.services[watch.name], self._kept(watch.name)
        index = next((node.index for node in service.present if node.name == name), -1)
        if index < 0:
            raise web.HTTPNotFound(text=f"service {watch.name} has no node {name}")
        watch.set_mode(index, COMMANDS[word], seconds)
        await self._admin.staff.refresh()
        facts = node_facts(service, watch, kept, self._paces)
        return web.json_response(next(fact for fact in facts if fact["node"] == name))

    def _facts(self) -> list[NodeFacts]:
        services = self._admin.engine.services
        return [
            fact
            for name, watch in self._admin.cluster.watches.items()
            for fact in node_facts(services[name], watch, self._kept(name), self._paces)
        ]

    def _kept(self, service: str) -> Kept | None:
        return self._admin.keeping.services.get(service)

    def _watch(self, service: str) -> Watch:
        try:
            return self._admin.cluster.watches[service]
        except KeyError:
            raise web.HTTPNotFound(text=f"no service {service}") from None


async def json_object(request: web.Request) -> dict[str, Any]:
    """The body as a JSON object; an empty body is an empty one. Raises 400."""
    try:
        value = json.loads(await request.read() or b"{}")
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise web.HTTPBadRequest(text="the body must be a JSON object")
    return value


def deadline(asked: Mapping[str, object], command: str) -> float:
    """Seconds until a drained node loses the sessions it has; for ever unless asked. Raises 400."""
    if unknown := sorted(asked.keys() - {"deadline"}):
        raise web.HTTPBadRequest(text=f"no option `{unknown[0]}`; there is `deadline`")
    value = asked.get("deadline")
    if value is None:
        return math.inf
    if command != "drain":
        raise web.HTTPBadRequest(text="only `drain` takes a deadline")
    try:
        return parse_duration(value)
    except Refused as refused:
        raise web.HTTPBadRequest(text=f"`deadline` {refused.allowed}") from None


def errors_as_json() -> Middleware:
    @web.middleware
    async def convert(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPError as error:
            headers = {
                name: value
                for name, value in error.headers.items()
                if name in ("Allow", "WWW-Authenticate", "Retry-After")
            }
            return web.json_response({"error": error.text}, status=error.status, headers=headers)

    return convert
