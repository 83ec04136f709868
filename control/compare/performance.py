"""Runs a comparison from the command line to the exit code, and leaves nothing running behind."""

import asyncio
import json
import os
import platform
import re
import tempfile
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import aiohttp
import uvloop
from rich.console import Console

from config.store_urls import StoreUrl
from control.children import NotStarted
from control.compare.count import found
from control.compare.load import Load, NotAnswered
from control.compare.plan import RATE, STRATEGIES, Pictures, Plan
from control.compare.play import Play, Record, TooLong, audience
from control.compare.progress import START, progress
from control.compare.results import Results, percentile
from control.compare.stage import Stage
from control.compare.stores import ComparedStore, make_store
from control.compare.table import show
from control.compare.visitors import SomebodyElses
from control.extras import missing
from control.interruption import until_interrupted
from sessions.stores.redis.faults import Unavailable
from sessions.stores.store import StoreError

INTERRUPTED = 130
FAILURES = (
    NotStarted,
    NotAnswered,
    TooLong,
    SomebodyElses,
    StoreError,
    Unavailable,
    OSError,
    aiohttp.ClientError,
)


def run(plan: Plan, *, as_json: bool = False, pictures: Pictures | None = None) -> int:
    """Run it and print what was found; the exit code: 0 fine, 1 it failed or the counts do not agree,
    130 interrupted."""
    console = Console(stderr=True, highlight=False)
    pictures = pictures or Pictures()
    drawn = pictures.plot or pictures.report
    lack = missing("compare", "compare", "limpet_session", "uvicorn")
    lack = lack or (missing("plot", "compare", "matplotlib") if drawn else "")
    if lack:
        console.print(f"limpet compare: {lack}", style="red", markup=False, soft_wrap=True)
        return 1
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            results = runner.run(until_interrupted(_play(plan, console)))
    except FAILURES as error:
        words = str(error) or f"no answer in time ({type(error).__name__})"
        console.print(f"limpet compare: {words}", style="red", markup=False, soft_wrap=True)
        return 1
    if results is None:
        return INTERRUPTED
    print(json.dumps(results.as_json(), indent=2)) if as_json else show(results, Console(highlight=False))
    kept = _draw(results, pictures, console)
    return 0 if kept and results.agreed else 1


def _draw(results: Results, pictures: Pictures, console: Console) -> bool:
    """Whether the files could be written; matplotlib takes its time to be loaded."""
    try:
        if pictures.plot is not None:
            from control.compare.plot import draw

            draw(results, pictures.plot)
        if pictures.report is not None:
            from control.compare.report import write_report

            write_report(results, pictures.report)
    except OSError as error:
        console.print(f"limpet compare: {error}", style="red", markup=False, soft_wrap=True)
        return False
    for file in filter(None, (pictures.plot, pictures.report)):
        console.print(f"drawn: {file}", style="dim", markup=False)
    return True


async def _play(plan: Plan, console: Console) -> Results:
    began = datetime.now(UTC)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="limpet-compare-")))
        tell = await stack.enter_async_context(progress(console, plan))
        tell(START)
        store = make_store(plan.redis, folder) if plan.stored else None
        stage = Stage(plan, folder, store)
        loads: list[Load] = []
        if store is not None:
            stack.push_async_callback(_close, store, loads)
            await store.open()
        await stack.enter_async_context(stage.open())
        loads += await stack.enter_async_context(audience(plan, stage))
        record = await Play(plan, stage, loads, tell).play()
        return _results(plan, record, loads, store, began)


async def _close(store: ComparedStore, loads: list[Load]) -> None:
    visitors = [visitor for load in loads if load.strategy == "store" for visitor in load.visitors]
    await store.close({name for visitor in visitors for name in visitor.sessions})


def _results(
    plan: Plan, record: Record, loads: list[Load], store: ComparedStore | None, began: datetime
) -> Results:
    late = percentile([late for load in loads for late in load.late], 0.99) or 0.0
    return Results(
        command=command(plan),
        began=began.isoformat(timespec="seconds"),
        machine=described_machine(),
        version=version("limpet"),
        seconds=plan.seconds,
        rate=RATE,
        late_ms=round(late * 1000, 3),
        store=store.described if store is not None else "",
        events=tuple(record.events),
        strategies=tuple(found(plan, record, load) for load in loads),
    )


def command(plan: Plan) -> str:
    """How to run the same again; the login of a Redis is not told."""
    words = ["limpet compare", f"--seconds {plan.seconds:g}", f"--sessions {plan.sessions}"]
    if plan.strategies != STRATEGIES:
        words.append(f"--strategies {','.join(plan.strategies)}")
    return " ".join([*words, f"--redis {StoreUrl(plan.redis)}"] if plan.redis else words)


def described_machine() -> str:
    """Processor, cores and system, as far as they are told."""
    try:
        model = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        model = None
    processor = model[1] if model else platform.machine()
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    return f"{processor}, {os.cpu_count()} cores, {system}"
