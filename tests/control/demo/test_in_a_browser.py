"""The demo's page in a real Chromium; `python -m tests.control.demo.test_in_a_browser FILE.png` draws it."""

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from control.children import free_port
from control.demo.buttons import serve_buttons
from control.demo.stage import Stage
from tests.control.dashboard.chromium import Page, chromium

KILL = """[...document.querySelectorAll('#nodes tr')]
    .find(row => row.cells[0].textContent === document.getElementById('node').textContent)
    .querySelector('button').click()"""


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Page]:
    """The page, after a first visit."""
    stage = Stage(folder, free_port(0), free_port(0))
    async with stage.open(), serve_buttons(stage), chromium(folder) as page:
        await page.resize(900, 700)
        await page.open(stage.url + "/")
        await page.becomes("document.getElementById('visits')?.textContent === 'visit 1'")
        yield page


async def visit(page: Page, number: int) -> None:
    await page.evaluate("document.getElementById('visit').click()")
    await page.becomes(f"document.getElementById('visits').textContent.startsWith('visit {number}')")


async def until_moved(page: Page) -> None:
    """Two more visits, a crash of the node that answers, and another visit."""
    await visit(page, 2)
    await visit(page, 3)
    await page.becomes("document.querySelectorAll('#nodes tr button').length === 3")
    await page.evaluate(KILL)
    await page.becomes("document.getElementById('nodes').textContent.includes('killed')")
    await visit(page, 4)
    await page.becomes("document.getElementById('moved').textContent === '1'")


async def test_a_node_is_killed_and_the_session_goes_on(tmp_path: Path) -> None:
    async with opened(tmp_path) as page:
        first = await page.evaluate("document.getElementById('node').textContent")
        await until_moved(page)
        assert await page.evaluate("document.getElementById('node').textContent") != first
        said = await page.evaluate("document.getElementById('now').textContent")
        assert f"visit 4: your session came along from {first}" in said
        assert said.endswith("itself remembers only 1")
        assert await page.evaluate("document.getElementById('lost').textContent") == "0"
        assert page.complaints == []


async def _drawn() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        async with opened(Path(folder)) as page:
            await until_moved(page)
            await page.becomes("document.getElementById('nodes').textContent.includes('down')")
            return await page.picture()


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(asyncio.run(_drawn()))
