"""Faults for as long as you like: `python -m bench.soak --minutes 60`. The runs of tests/survival, longer.

Each round is one setup with faults drawn at random; its seed is printed, and `--seed` with `--setup` plays
the same faults again (what the machine does in between is its own affair). After each fault the memory and
the open files of all processes are looked at: what grows on and on is found, too.
"""

import argparse
import shutil
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from random import Random

import uvloop

from bench.leaks import FEWEST, Growth, Sample, sample
from tests.survival.findings import Findings
from tests.survival.play import Performance, Plan, play
from tests.survival.schedules import LONG, Kind, drawn, lost_nothing

COLUMNS = (
    f"{'setup':24} {'seed':>10} {'faults':>6} {'held':>5} {'answered':>9} {'failed':>7}"
    f" {'lost':>5} {'wrong':>6} {'late':>6}  p99 ms"
)


def main() -> int:
    """0: nothing was found."""
    options = _options()
    end = time.monotonic() + 60 * options.minutes
    seeds, rows = Random(options.seed), []
    seed = options.seed
    while True:
        for kind in LONG:
            if options.setup and options.setup != kind.name:
                continue
            rows.append(_round(kind, seed, options))
            seed = seeds.randrange(1 << 32)
        if time.monotonic() >= end:
            break
    print("\n".join(["", COLUMNS, *(row for row, _ in rows)]))
    return 1 if any(bad for _, bad in rows) else 0


def _round(kind: Kind, seed: int, options: argparse.Namespace) -> tuple[str, bool]:
    print(f"{kind.name} --seed {seed}", flush=True)
    plan = Plan(kind.setup, seed, drawn(kind, Random(seed), options.faults))
    folder = Path(tempfile.mkdtemp(prefix="limpet-soak-"))
    looks = Looks()
    findings = uvloop.run(play(plan, folder, looks.take))
    bad = [*lost_nothing(findings), *looks.leaks()]
    print(findings.summary())
    print(looks.told())
    for what in bad[:20]:
        print(f"  BAD: {what}   (logs: {folder})")
    if not bad:
        shutil.rmtree(folder)
    sys.stdout.flush()
    return _row(kind, seed, findings, bad), bool(bad)


def _row(kind: Kind, seed: int, findings: Findings, bad: list[str]) -> str:
    waits = sorted(findings.waits) or [0.0]
    lost = sum(len(loss.acknowledged) for loss in findings.losses)
    return (
        f"{kind.name:24} {seed:10} {len(findings.faults):6} {sum(s.held > 0 for s in findings.strikes):5}"
        f" {len(waits):9} {len(findings.failures):7} {lost:5} {len(bad):6} {len(findings.late):6}"
        f"  {waits[len(waits) * 99 // 100] * 1000:.1f}"
    )


class Looks:
    """Samples of all processes of a round; what is started anew is another process."""

    def __init__(self) -> None:
        self._taken: dict[int, Growth] = {}

    def take(self, run: Performance) -> None:
        """What clients keep open is theirs, and not counted."""
        proxies = [(proxy, run.cast.connections(i)) for i, proxy in enumerate(run.stage.proxies)]
        for process, theirs in (*proxies, *((node, 0) for node in run.stage.nodes)):
            growth = self._taken.setdefault(process.id, Growth(process.name, []))
            with suppress(OSError):
                memory, files = sample(process.id)
                growth.samples.append(Sample(memory, files - theirs))

    def leaks(self) -> list[str]:
        return [grown for growth in self._taken.values() if (grown := growth.grown())]

    def told(self) -> str:
        """Of those that lived through most of the round."""
        lived = [growth.told() for growth in self._taken.values() if len(growth.samples) >= FEWEST]
        return "  processes: " + ("; ".join(lived) or "none lived for long")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--minutes", type=float, default=10.0, help="how long; every setup is played once at least"
    )
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the first round")
    parser.add_argument("--setup", choices=[kind.name for kind in LONG], help="only this one")
    parser.add_argument("--faults", type=int, default=20, help="in each round")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
