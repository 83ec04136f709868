"""The command `limpet`: what a person types, and the exit code that follows (0 fine, 1 failed, 2 usage)."""

import os
import re
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from control.build import named
from control.completion import SHELLS, NodeName, ServiceName

if TYPE_CHECKING:
    from control.discovery_check import Findings

# Each command imports what it needs when it runs, so that `limpet status` starts in a quarter of a second.

C = TypeVar("C", bound=Callable[..., Any])

_DASHED_ID = re.compile(r"-[A-Za-z0-9_-]{20}[AQgw]")  # base64url of 16 bytes

config_option = click.option(
    "-c",
    "--config",
    "config",
    type=click.Path(),
    default="proxy.yaml",
    show_default=True,
    help="The configuration file.",
)
node_argument = click.argument("node", metavar="[SERVICE/]NODE", type=NodeName())


def admin_options(command: C) -> C:
    """Options of the commands that talk to a running Limpet."""
    command = click.option(
        "--admin",
        metavar="URL",
        help="Its admin port, instead of the one in the file: http://HOST:PORT or unix:/PATH.",
    )(command)
    return config_option(command)


class Misconfigured(click.ClickException):
    exit_code = 2


class AboutSession(click.Command):
    """A command about a session, whose id may begin with a dash: one of 64 does."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        named = [given for given in args if _DASHED_ID.fullmatch(given)]
        if named:
            args = [*(given for given in args if given not in named), "--", *named]
        return super().parse_args(ctx, args)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(named())
def main() -> None:
    """Limpet brings every user back to the node that holds their session.

    \b
      limpet check                 is proxy.yaml good?
      limpet run                   serve
      limpet status --watch        what is going on (the same in a browser: the admin port)
      limpet drain --wait shop/a   take a node out without losing a session, then stop it
      limpet ready shop/a          take it back
      limpet explain -             paste a user's Cookie header: where is their session?

    Exit codes: 0 fine, 1 it failed, 2 wrong usage or configuration.
    """


@main.command(short_help="Serve, until SIGTERM or Ctrl-C.")
@config_option
def run(config: str) -> None:
    """Serve what the configuration file says, until SIGTERM or Ctrl-C."""
    from control.run import run as serve

    sys.exit(serve(config))


@main.command(short_help="Say what is wrong with the configuration file.")
@config_option
@click.option("--schema", is_flag=True, help="Print a JSON Schema of the file, for editors, and do no more.")
@click.option("--diff", is_flag=True, help="Say, too, what a reload would change, and whose sessions move.")
@click.option("--json", "as_json", is_flag=True, help="With --diff: as JSON.")
@click.option("--admin", metavar="URL", help="With --diff: the admin port to ask, if not the file's.")
def check(config: str, schema: bool, diff: bool, as_json: bool, admin: str | None) -> None:
    """Say what is wrong with the configuration file, and what is doubtful."""
    from control.check import check_file, schema_text

    if (as_json or admin) and not diff:
        raise click.UsageError("--json and --admin say how --diff is shown: give that, too")
    if schema:
        click.echo(schema_text())
        return
    findings = check_file(config, sys.stderr if as_json else None)
    if findings is None:
        sys.exit(2)
    if diff:
        show_difference(config, admin, as_json, findings)


@main.command(short_help="Kill one of three small app servers, and see what happens.")
@click.option("--port", default=8080, show_default=True, help="Where to click.")
@click.option("--admin-port", default=9900, show_default=True, help="Where the metrics are.")
@click.option("--seconds", type=float, help="End after this time.")
def demo(port: int, admin_port: int, seconds: float | None) -> None:
    """Start three small app servers and Limpet before them; kill one and see what happens."""
    from control.demo import run as perform

    sys.exit(perform(port=port, admin_port=admin_port, seconds=seconds))


@main.command(short_help="Run the three strategies side by side under faults.")
@click.option("--seconds", default=30.0, show_default=True, help="Of load, at least.")
@click.option(
    "--sessions", type=click.IntRange(10), default=1000, show_default=True, help="For each strategy."
)
@click.option("--strategies", metavar="NAME,...", help="Some of affinity, replication, store; else all.")
@click.option("--redis", metavar="URL", default="", help="Keep the store's sessions there, not in a file.")
@click.option("--redis-env", metavar="NAME", help="The same, with the URL in this environment variable.")
@click.option("--json", "as_json", is_flag=True, help="Print all that was found as JSON.")
@click.option("--plot", metavar="FILE", help="Draw it, too: FILE.png or FILE.svg.")
@click.option("--report", metavar="FILE", help="Write a page with charts and all numbers, too: FILE.html.")
def compare(
    seconds: float,
    sessions: int,
    strategies: str | None,
    redis: str,
    redis_env: str | None,
    as_json: bool,
    plot: str | None,
    report: str | None,
) -> None:
    """Run the three strategies side by side, kill a node, take the store away, and say what that cost.

    Everything is started, ended and removed by the command: three nodes, and Limpet before them.
    """
    from control.compare import make_pictures, make_plan, redis_url
    from control.compare import run as perform

    try:
        plan = make_plan(seconds, sessions, strategies, redis_url(redis, redis_env, os.environ))
        pictures = make_pictures(plot, report)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    sys.exit(perform(plan, as_json=as_json, pictures=pictures))


@main.command(short_help="Show services and nodes; --watch: live, like top.")
@admin_options
@click.option("--json", "as_json", is_flag=True, help="Print the API's JSON; with --watch a line each time.")
@click.option("--watch", "-w", is_flag=True, help="Show them again and again, until Ctrl-C.")
@click.option(
    "--interval", type=click.FloatRange(min=0.1), help="Seconds between two looks of --watch.  [default: 1]"
)
def status(config: str, admin: str | None, as_json: bool, watch: bool, interval: float | None) -> None:
    """Show services and nodes: their state, why, what they are doing, how sessions are kept.

    Rates and latencies (p50, p99) are those of the last ten seconds, counts those since the start.
    """
    from control import show

    if interval is not None and not watch:
        raise click.UsageError("--interval says how often --watch looks: give both")
    if watch:
        follow(config, admin, interval or 1.0, as_json)
        return
    answer = facts(call, config, admin)
    click.echo(show.as_json(answer)) if as_json else show.show(
        show.status(answer["services"], answer["nodes"], answer["discovery"], answer["workers"])
    )


@main.command(short_help="Move a node's sessions elsewhere, so that it can stop.")
@admin_options
@click.option("--deadline", help="After this time (30m, 2h) sessions that are left go to other nodes.")
@click.option("--wait", is_flag=True, help="Show how many sessions are left, and return when none is.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0),
    help="Seconds that --wait waits; then it fails.  [default: 300]",
)
@node_argument
def drain(
    config: str, admin: str | None, deadline: str | None, wait: bool, timeout: float | None, node: str
) -> None:
    """Give a node no new sessions. Those it has go elsewhere with their state, where it speaks the session
    contract; else it keeps them. With --wait: 0 when none is left, and the node can be stopped."""
    if timeout is not None and not wait:
        raise click.UsageError("--timeout says how long --wait waits: give both")
    changed = command(config, admin, node, "drain", {"deadline": deadline} if deadline else {})
    seconds = 300.0 if timeout is None else timeout
    if wait and not wait_for(config, admin, changed, seconds):
        message = f"after {seconds:g} s there are sessions or requests left, or they could not be counted"
        raise click.ClickException(message)


@main.command(name="reload", short_help="Have the running Limpet read its file again.")
@admin_options
def reload_file(config: str, admin: str | None) -> None:
    """Have the running Limpet read its configuration file again, as SIGHUP does.

    All of it is taken at once, or nothing: 2, and all that is wrong with it, where it cannot be used.
    """
    facts = call(config, admin, "POST", "/api/reload")
    click.echo(f"{facts['file']} is in use")


@main.command(short_help="Have another process take the running one's place.")
@admin_options
def upgrade(config: str, admin: str | None) -> None:
    """Have another process take the running one's place, with what is installed now.

    It is started as the running one was, and gets its listening sockets, so that no client is refused. The
    old process ends when its clients have gone, or after timeouts.grace.
    """
    pid = call(config, admin, "POST", "/api/upgrade")["pid"]
    click.echo(f"process {pid} serves from now on")


@main.command()
@admin_options
@node_argument
def ready(config: str, admin: str | None, node: str) -> None:
    """Take a node back into service."""
    command(config, admin, node, "ready", {})


@main.command()
@admin_options
@node_argument
def maint(config: str, admin: str | None, node: str) -> None:
    """Take a node out of service: its sessions go to other nodes."""
    command(config, admin, node, "maint", {})


@main.command(cls=AboutSession, short_help="Say who holds a session, where it would go, and why.")
@admin_options
@click.option("--service", type=ServiceName(), help="Ask this service only.")
@click.argument("session", metavar="COOKIE|ID")
def explain(config: str, admin: str | None, service: str | None, session: str) -> None:
    """Say who holds a session and its copies, where its next request would go, and why.

    COOKIE is a whole Cookie header or the value of Limpet's cookie, ID a session's id; - reads it from
    standard input, which keeps it out of the shell's history. What is shown names the session as the access
    log does, by a keyed hash.
    """
    from control import show

    given = sys.stdin.readline().strip() if session == "-" else session
    asked = {"session": given} | ({"service": service} if service else {})
    found = call(config, admin, "POST", "/api/explain", asked)["found"]
    if not found:
        raise click.ClickException("no service knows it: forged, foreign, or sealed with other secrets")
    show.explanations(found)


@main.command(short_help="Check whether a node keeps the session contract.")
@click.option("--key", required=True, envvar="LIMPET_NODE_KEY", help="One that the node knows (node_keys).")
@click.option("--sessions-url", help="Where it speaks of its sessions, if not at URL.")
@click.option(
    "--ca", metavar="FILE", help="Who has signed the node's certificate, if not known to all (PEM)."
)
@click.option("--read", default="/", show_default=True, help="A path of the app that only reads.")
@click.option("--path", "write", default="", help="One that writes to the session.")
@click.option("--large", default="", help="One that makes the session larger than 4096 bytes.")
@click.option("--end", default="", help="One that logs out.")
@click.option("--renew", default="", help="One that logs in.")
@click.option("--slow", default="", help="One that writes after half a second or more.")
@click.argument("url")
def contract(url: str, key: str, sessions_url: str | None, ca: str | None, **paths: str) -> None:
    """Check whether the node at URL keeps the session contract, case by case.

    Paths are PATH or "METHOD PATH". The key may be in LIMPET_NODE_KEY.
    """
    from control.contract import check_contract

    sys.exit(check_contract(url, sessions_url, key, ca, paths))


@main.command(short_help="Print what makes a shell complete this command.")
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print what makes a shell complete commands, options, and the names of nodes and services.

    \b
      bash  limpet completion bash > ~/.local/share/bash-completion/completions/limpet
      zsh   limpet completion zsh > "${fpath[1]}/_limpet"
      fish  limpet completion fish > ~/.config/fish/completions/limpet.fish
    """
    from control.completion import script

    click.echo(script(shell, main))


def call(config: str, admin: str | None, method: str, path: str, body: object = None) -> Any:
    """What the running Limpet answers; its errors, and its silence, end the command."""
    from config.problems import ConfigError
    from control.admin_client import AdminError, Mistyped, call_admin, locate

    try:
        return call_admin(locate(config, admin, os.environ), method, path, body)
    except ConfigError as error:
        raise Misconfigured(f"{error}\n(or give --admin URL)") from None
    except Mistyped as error:
        raise Misconfigured(str(error)) from None
    except AdminError as error:
        raise click.ClickException(str(error)) from None


def facts(ask: Callable[..., Any], *place: Any) -> dict[str, Any]:
    """Services, nodes and workers as they are now. `ask`: with `place`, a method and a path."""
    found: dict[str, Any] = {}
    for kind in ("services", "nodes", "workers"):
        found |= ask(*place, "GET", f"/api/{kind}")
    return found


def follow(config: str, admin: str | None, seconds: float, as_json: bool) -> None:
    """Show services and nodes until Ctrl-C, which is no error."""
    from config.problems import ConfigError
    from control.admin_client import AdminError, call_admin, locate
    from control.watching import watch

    try:
        place = locate(config, admin, os.environ)
        watch(lambda: facts(call_admin, place), seconds, as_json)
    except ConfigError as error:
        raise Misconfigured(f"{error}\n(or give --admin URL)") from None
    except AdminError as error:
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        return


def show_difference(config: str, admin: str | None, as_json: bool, findings: "Findings") -> None:
    """What would change if the running Limpet read this file, with the nodes that are found now."""
    from control import show
    from control.difference import difference, lines

    running, nodes = call(config, admin, "GET", "/api/settings"), call(config, admin, "GET", "/api/nodes")
    found = difference(running, nodes["nodes"], findings.settings, findings.unknown)
    click.echo(show.as_json(found) if as_json else "\n".join(lines(found)))


def wait_for(config: str, admin: str | None, node: dict[str, Any], timeout: float) -> bool:
    """Whether a drained node came to its end in time."""
    from control.draining import telling, wait_until_drained

    name = (node["service"], node["node"])
    if not node["contract"]:
        message = f"{'/'.join(name)} does not speak the session contract: its sessions stay until they end"
        raise click.ClickException(f"{message} (--deadline)")

    def look() -> dict[str, Any] | None:
        facts: list[dict[str, Any]] = call(config, admin, "GET", "/api/nodes")["nodes"]
        return next((fact for fact in facts if (fact["service"], fact["node"]) == name), None)

    with telling(click.echo, sys.stdout.isatty()) as tell:
        return wait_until_drained(look, tell, timeout)


def command(config: str, admin: str | None, named: str, word: str, body: dict[str, str]) -> Any:
    """Have the running Limpet change a node's mode, and show what came of it; the node as it is now."""
    from urllib.parse import quote

    from control import show

    service, node = full_name(named, call(config, admin, "GET", "/api/nodes")["nodes"])
    path = f"/api/services/{quote(service, safe='')}/nodes/{quote(node, safe='')}/{word}"
    changed = call(config, admin, "POST", path, body)
    show.show(show.nodes_table([changed]))
    return changed


def full_name(named: str, nodes: list[dict[str, Any]]) -> tuple[str, str]:
    """Service and node of `SERVICE/NODE`, or of a `NODE` that only one service has."""
    service, slash, node = named.rpartition("/")
    found = [
        (each["service"], each["node"])
        for each in nodes
        if each["node"] == node and (not slash or each["service"] == service)
    ]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(f"{service}/{node}" for service, node in found)
        raise click.UsageError(f"several services have a node {node}: say which of {names}")
    names = ", ".join(f"{each['service']}/{each['node']}" for each in nodes)
    raise click.UsageError(f"there is no node {named}; there are {names}")
