"""Sessions that survive their app server: the node's side of Limpet's session contract."""

from limpet_session.asgi import LimpetSessionMiddleware
from limpet_session.errors import SessionClosed, SessionError, SessionExhausted, SessionTooLarge
from limpet_session.memory import MemoryStorage
from limpet_session.node import Node
from limpet_session.serializer import JsonSerializer, Serializer
from limpet_session.session import Session
from limpet_session.storage import Storage

__all__ = [
    "JsonSerializer",
    "LimpetSessionMiddleware",
    "MemoryStorage",
    "Node",
    "Serializer",
    "Session",
    "SessionClosed",
    "SessionError",
    "SessionExhausted",
    "SessionTooLarge",
    "Storage",
]
