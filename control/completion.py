"""What a shell completes: scripts for bash, zsh and fish, and the names that a running Limpet knows."""

import os
from typing import Any

import click
from click.shell_completion import CompletionItem, get_completion_class

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_LIMPET_COMPLETE"


def script(shell: str, command: click.Command) -> str:
    """What the shell is to read to complete `limpet`."""
    found = get_completion_class(shell)
    assert found is not None, "it is one of SHELLS"
    return found(command, {}, "limpet", VARIABLE).source()


class NodeName(click.types.StringParamType):
    """`[SERVICE/]NODE`."""

    name = "node"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        nodes = _facts(ctx, "nodes")
        alone = [each["node"] for each in nodes]
        names = {f"{each['service']}/{each['node']}": each["state"] for each in nodes}
        names |= {each["node"]: each["state"] for each in nodes if alone.count(each["node"]) == 1}
        return [
            CompletionItem(name, help=state) for name, state in names.items() if name.startswith(incomplete)
        ]


class ServiceName(click.types.StringParamType):
    name = "service"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        names = [each["service"] for each in _facts(ctx, "services")]
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def _facts(ctx: click.Context, what: str) -> list[dict[str, Any]]:
    """Of the Limpet that the line so far is about; none where there is none, for nobody reads an error."""
    from config.problems import ConfigError
    from control.admin_client import AdminError, call_admin, locate

    try:
        place = locate(ctx.params.get("config") or "proxy.yaml", ctx.params.get("admin"), os.environ)
        facts: list[dict[str, Any]] = call_admin(place, "GET", f"/api/{what}")[what]
    except (ConfigError, AdminError):
        return []
    return facts
