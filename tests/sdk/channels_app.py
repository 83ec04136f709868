"""Django with Channels: HTTP as ever, and sockets whose consumers see session and user in their scope."""

import json
from typing import Any

from tests.sdk.django_app import asgi  # first, for it makes the settings

# isort: split
from channels.auth import AuthMiddlewareStack, logout
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import path

from limpet_session import SessionClosed
from limpet_session.django import LimpetChannels


class Talk(AsyncWebsocketConsumer):  # type: ignore[misc]  # Channels has no types
    """Counts sockets in the session; writes, when it is told a key, too late."""

    async def connect(self) -> None:
        session: Any = self.scope["session"]
        session["sockets"] = session.get("sockets", 0) + 1
        await self.accept()

    async def receive(self, text_data: str = "", bytes_data: bytes | None = None) -> None:
        session: Any = self.scope["session"]
        raised = ""
        try:
            session[text_data] = 1
        except SessionClosed as error:
            raised = type(error).__name__
        told = {"sockets": session["sockets"], "user": str(self.scope["user"]), "raised": raised}
        await self.send(json.dumps({**told, "key": session.session_key}))


class Leave(AsyncWebsocketConsumer):  # type: ignore[misc]  # Channels has no types
    """Logs its user out."""

    async def connect(self) -> None:
        await logout(self.scope)
        await self.accept()


sockets = URLRouter([path("talk", Talk.as_asgi()), path("leave", Leave.as_asgi())])
app = LimpetChannels(ProtocolTypeRouter({"http": asgi, "websocket": AuthMiddlewareStack(sockets)}))
