"""What the tests of this package run: settings as in the file, and the runtime made of them."""

from collections.abc import Callable
from typing import Any

from config.settings import Settings
from control.runtime import Runtime, build
from control.turns import at_once

SECRET = b"a secret for the tests, long enough"


def service(nodes: str = "abc", **options: Any) -> dict[str, Any]:
    """A service with a node for each letter, none of which is there."""
    listed = [{"name": name, "url": f"http://127.0.0.1:{9001 + i}"} for i, name in enumerate(nodes)]
    return {"nodes": listed, **options}


def runtime(services: dict[str, Any] | None = None, **options: Any) -> Runtime:
    """All that `limpet run` would make, without listening; nothing is probed before `cluster.start`."""
    services = services or {"shop": service()}
    options.setdefault("routes", [{"service": next(iter(services))}])
    return build(Settings.model_validate({"services": services, **options}), [SECRET], failing())


def change(running: Runtime, settings: Settings) -> None:
    """As a reload does, without giving anybody a turn."""
    at_once(running.changes(at_once(running.drawn(settings, [SECRET]))))


def failing() -> Callable[[object, Exception], None]:
    def broke(timer: object, error: Exception) -> None:
        raise error

    return broke
