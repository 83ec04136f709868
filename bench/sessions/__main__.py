"""`python -m bench.sessions`: what it costs that sessions survive; written to bench/results-sessions.md."""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from bench import contenders
from bench.load import Load
from bench.performing import perform
from bench.processes import Failed
from bench.sessions import report, setups, writes
from bench.sessions.notes import NOTES
from bench.sessions.setups import Setup
from bench.sessions.turns import Turns, at_rate, flat_out, in_turn

RESULTS = Path(__file__).parent.parent
PACKAGES = ("starlette", "uvicorn", "uvloop", "httptools", "redis", "hiredis")
NODE_PACKAGES = ("express", "express-session", "connect-redis", "redis")


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.sessions", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="three short rounds, paced only; no file")
    parser.add_argument(
        "--app", choices=("starlette", "express"), default="starlette", help="what the nodes run"
    )
    parser.add_argument("--only", metavar="NAMES", help="contenders, with commas, as the table names them")
    parser.add_argument("--rounds", type=int, default=9, help="times that they take turns (default: 9)")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each turn (default: 3)")
    parser.add_argument("--rate", type=float, default=300.0, help="requests a second (default: 300)")
    return parser.parse_args(arguments)


def chosen(options: argparse.Namespace) -> list[Setup]:
    """Raises Failed for a name that nobody has."""
    taking_part = setups.on(setups.EXPRESS if options.app == "express" else setups.STARLETTE)
    if not options.only:
        return list(taking_part)
    known = {one.name.lower(): one for one in taking_part}
    names = [name.strip().lower() for name in options.only.split(",")]
    if unknown := [name for name in names if name not in known]:
        raise Failed(f"no contender is called {unknown[0]}; there are: {', '.join(known)}")
    return [known[name] for name in names]


def measured(options: argparse.Namespace, wanted: Sequence[Setup]) -> dict[str, Turns]:
    rows = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, ExitStack() as stack:
        ups = [
            stack.enter_context(setups.started(one, Path(folder) / f"{number}"))
            for number, one in enumerate(wanted)
        ]
        rounds, seconds = (3, 1.5) if options.quick else (options.rounds, options.seconds)

        def play(title: str, work: Callable[[Load], None]) -> Turns:
            print(f"bench: {title} ...", file=sys.stderr, flush=True)
            rows[title] = turns = in_turn(ups, rounds, work)
            return turns

        play(f"At {options.rate:,.0f} requests a second", at_rate(options.rate, seconds))
        if not options.quick:
            flat = play("64 users as fast as they go", flat_out(seconds))
            half = round(min(report.middle(own, lambda turn: turn.rate) for own in flat.values()) / 2, -1)
            play(f"At {half:,.0f} requests a second, half of what the slowest can", at_rate(half, seconds))
            if bare := setups.bare(wanted):
                print("bench: writes alone ...", file=sys.stderr, flush=True)
                writing = [up for up in ups if up.name in setups.WITHOUT]
                writing += [
                    stack.enter_context(setups.started(one, Path(folder) / f"bare{number}"))
                    for number, one in enumerate(bare)
                ]
                rows[writes.TITLE] = writes.measured(writing, rounds, seconds)
    return rows


def versions(wanted: Sequence[Setup]) -> dict[str, str]:
    found = {one.proxy.name: one.proxy for one in wanted}
    said = contenders.versions(list(found.values()))
    python = (sys.executable, "-c", contenders.SAY_VERSIONS, *PACKAGES)
    command = node_versions() if wanted[0].app == setups.EXPRESS else python
    return {**said, "the app": contenders.first_line(command)}


def node_versions() -> tuple[str, ...]:
    """What says the versions of the packages that bench/sessions/express_app.js uses."""
    folder = f"{os.getcwd()}/examples/backends/express-redis/node_modules"
    each = [f"'{name} ' + require('{folder}/{name}/package.json').version" for name in NODE_PACKAGES]
    return ("node", "-p", f"[{', '.join(each)}, 'Node.js ' + process.version].join(', ')")


def full(options: argparse.Namespace) -> None:
    """Every row, printed, and written where it was not a quick look."""
    wanted = chosen(options)
    setups.missing(wanted)
    rows = measured(options, wanted)
    text = report.document(rows, versions(wanted), sys.argv[1:], NOTES[options.app])
    print(text)
    if not options.quick:
        suffix = "" if options.app == "starlette" else f"-{options.app}"
        (RESULTS / f"results-sessions{suffix}.md").write_text(text)


def main() -> int:
    options = parsed(sys.argv[1:])
    return perform(lambda: full(options))


if __name__ == "__main__":
    sys.exit(main())
