"""All that a process needs to make or change what runs."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field

from config import settings as file
from control.slots import Slot
from proxy.error_pages import ErrorPages
from routing.ring import Placed


@dataclass(frozen=True)
class Blueprint:
    """Settings, not objects.

    By service: `slots`; `placed`, the points of its ring, if not to be worked out here; `tls` for its nodes.
    """

    settings: file.Settings
    secrets: tuple[bytes, ...]
    slots: Mapping[str, tuple[Slot, ...]]
    error_pages: ErrorPages = field(compare=False)
    tls: Mapping[str, ssl.SSLContext | None] = field(compare=False)
    placed: Mapping[str, Placed] = field(default_factory=dict, compare=False)
