"""`python -m bench`: Limpet and others in turn, one table, printed and written to bench/results.md."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from bench import contenders, report, rounds, work
from bench.bars import bars
from bench.client import WrongAnswer
from bench.contenders import Contender, Running
from bench.performing import perform
from bench.processes import nodes
from bench.verify import Features, check
from bench.work import Kind

LOGS = ("access.log", "process.out")
RESULTS = Path(__file__).parent / "results.md"


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="small keep-alive requests only; under a minute; no file"
    )
    parser.add_argument(
        "--only",
        metavar="NAMES",
        help="contenders, with commas (none in their names); HAProxy is always there",
    )
    parser.add_argument("--row", metavar="WORD", help="with --quick: the rows whose title holds it")
    parser.add_argument(
        "--rounds", type=int, default=5, help="times that the contenders take turns (default: 5)"
    )
    parser.add_argument("--seconds", type=float, default=1.2, help="of each turn (default: 1.2)")
    return parser.parse_args(arguments)


def chosen(options: argparse.Namespace) -> list[Contender]:
    """The contenders asked for that this machine has; says which are missing."""
    few = "limpet,limpet compiled,haproxy,caddy,aiohttp"
    default = few if options.quick else ",".join(one.name for one in contenders.ALL)
    names = {name.strip().lower() for name in (options.only or default).split(",")} | {"haproxy"}
    all_there_are = [*contenders.ALL, *(variant for _, variant in contenders.BESIDE)]
    wanted = [one for one in all_there_are if one.name.lower().replace(",", "") in names]
    for one in wanted:
        if not one.found():
            why = "not installed" if one.modules is None else "not built (make compiled), or of older source"
            print(f"bench: {one.name} is {why}, and left out", file=sys.stderr)
    return [one for one in wanted if one.found()]


def start(stack: ExitStack, wanted: Sequence[Contender], folder: Path, ports: Sequence[int]) -> list[Running]:
    return [
        stack.enter_context(contenders.started(one, ports, folder / f"{number}"))
        for number, one in enumerate(wanted)
    ]


def verified(running: Sequence[Running]) -> dict[str, Features]:
    """Each contender's features. Raises WrongAnswer, naming the contender."""
    features = {}
    for one in running:
        if Kind.HTTP not in one.kinds:
            continue
        try:
            features[one.name] = check(one.port)
        except (WrongAnswer, OSError) as error:
            raise WrongAnswer(f"{one.name}: {error}") from error
    return features


def quick(options: argparse.Namespace) -> None:
    """One row, or those asked for, for somebody who has just changed a line."""
    wanted = [one for one in work.ALL if options.row in one.title] if options.row else [work.SMALL]
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, ExitStack() as stack:
        ports = stack.enter_context(nodes(Path(folder)))
        running = start(stack, chosen(options), Path(folder), ports)
        verified(running)
        for one in wanted:
            turns = rounds.saturated(running, one, options.rounds, options.seconds)
            reached = report.markdown(bars({one.title: turns}))
            print(report.table(turns), reached, report.disturbance([turns]), sep="\n\n")


def full(options: argparse.Namespace) -> None:
    """Every row, the latencies, and what logs cost."""
    wanted = chosen(options)
    with tempfile.TemporaryDirectory(prefix="bench-") as name, ExitStack() as stack:
        folder = Path(name)
        ports = stack.enter_context(nodes(folder))
        (folder / "main").mkdir()
        with ExitStack() as main:
            running = start(main, wanted, folder / "main", ports)
            features = verified(running)
            rows = {
                one.title: rounds.saturated(running, one, options.rounds, options.seconds) for one in work.ALL
            }
            paced = rounds.paced(running, rows[work.SMALL.title], options.rounds, options.seconds)
        beside = logs(wanted, folder, ports, options)
    text = report.document(rows, paced, beside, features, contenders.versions(wanted), sys.argv[1:])
    print(text)
    RESULTS.write_text(text)


def logs(
    wanted: Sequence[Contender], folder: Path, ports: Sequence[int], options: argparse.Namespace
) -> list[report.Beside]:
    """Each contender with its log on, in turn with itself without."""
    found = []
    for number, (without, variant) in enumerate(contenders.BESIDE):
        if without not in wanted:
            continue
        place = folder / f"beside{number}"
        place.mkdir()
        with ExitStack() as stack:
            running = start(stack, (without, variant), place, ports)
            verified(running)
            turns = rounds.saturated(running, work.SMALL, options.rounds, options.seconds)
        logged = variant.values.get("LOG")
        lines = written(place / "1") if logged else None  # complete: the variant has been ended
        found.append(report.Beside(without.name, variant.name, turns, lines))
    return found


def written(folder: Path) -> int:
    """The lines of the log that a contender left in its folder."""
    return sum((folder / name).read_bytes().count(b"\n") for name in LOGS if (folder / name).exists())


def main() -> int:
    options = parsed(sys.argv[1:])
    return perform(lambda: (quick if options.quick else full)(options))


if __name__ == "__main__":
    sys.exit(main())
