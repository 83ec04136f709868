"""The dashboard in a real Chromium, before a real Limpet whose nodes die and drain."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.control.dashboard.chromium import Page, chromium
from tests.control.process import PATIENCE
from tests.control.shop import Counter, Shop, counting, shop

TOKEN = "a token for the tests"
STATES = "[...document.querySelectorAll('#nodes .state')].map(e => e.textContent.split(' ')[1]).join()"
PARTS = "[...document.querySelectorAll('#ring svg > g:first-child path')]"
OWNERS = f"new Set({PARTS}.map(path => path.style.fill)).size"
SMALL = """[...document.querySelectorAll('button, input')].filter(each => each.offsetParent)
    .filter(each => each.offsetHeight < 24 || each.getBoundingClientRect().right > 375)
    .map(each => each.outerHTML)"""
REFUSED = """new Promise(done => {
    document.addEventListener('securitypolicyviolation', event => done(event.violatedDirective))
    new Image().src = 'https://elsewhere.example/x.png'
})"""


class Scene:
    """A browser that looks at a shop with some users."""

    def __init__(self, opened: Shop, page: Page, users: list[Counter]) -> None:
        self.shop = opened
        self.page = page
        self.users = users

    def cookie(self) -> str:
        return next(iter(self.users[0].client.cookie_jar)).OutputString().partition(";")[0]

    async def click(self, selector: str) -> None:
        await self.page.evaluate(f"document.querySelector({json.dumps(selector)}).click()")

    async def explained(self, *words: str) -> str:
        """Ask until all of this is answered: on a slow machine a node may not answer at once."""
        async with asyncio.timeout(PATIENCE):
            while True:
                await self.page.evaluate("document.querySelector('#explain').requestSubmit()")
                told = await self.page.evaluate("document.querySelector('#answer').innerText")
                told = " ".join(told.split())
                if all(word in told for word in words):
                    return str(told)
                await asyncio.sleep(0.1)

    async def shows(self, selector: str, text: str) -> None:
        """Wait until an element shows this."""
        found = f"document.querySelector({json.dumps(selector)})?.textContent"
        await self.page.becomes(f"({found} || '').includes({json.dumps(text)})")


@pytest.fixture
async def scene(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Scene]:
    async with AsyncExitStack() as stack:
        admin = {"listen": "127.0.0.1:0", "token": TOKEN}
        workers = getattr(request, "param", 1)
        kept = {"strategy": "replication"}
        opened = await stack.enter_async_context(shop(tmp_path, kept, admin=admin, workers=workers))
        users = await stack.enter_async_context(counting(opened, 6))
        page = await stack.enter_async_context(chromium(tmp_path))
        await asyncio.gather(*(user.add() for user in users))
        await page.use_password(TOKEN)
        await page.open(f"{opened.admin}/")
        await page.becomes("document.querySelector('#live b')?.textContent === 'live'")
        yield Scene(opened, page, users)


@pytest.mark.parametrize("scene", [2], indirect=True, ids=["two workers"])
async def test_it_shows_a_death_explains_and_drains(scene: Scene) -> None:
    page = scene.page
    await page.becomes(f"{STATES} === 'up,up,up' && {OWNERS} === 3")
    await scene.shows("#services tbody", "replication")
    await page.becomes("document.querySelector('#ring text.big').textContent === '6'")
    await page.becomes("document.querySelectorAll('#workers .state.serving').length === 2")

    await page.press("/")  # with the keyboard alone
    await page.type(scene.cookie())
    await page.press("Enter")
    await scene.shows("#answer", "It is pinned to")
    told = await scene.explained("serves it, version", "a copy, version")
    serving = next(name for name in "abc" if f"On {name} serves it" in told)

    at = "abc".index(serving)
    scene.shop.nodes[at].kill()
    await page.becomes(f"{STATES}.split(',')[{at}] === 'down' && {OWNERS} === 2")
    await scene.shows("#events", f"{serving} is down, was up: probe failed")
    await asyncio.gather(*(user.add() for user in scene.users))
    assert not any(user.wrong for user in scene.users)
    await scene.explained(f"It is pinned to {serving}, which is down")

    other = "bca"[at]
    await scene.click(f"[aria-label='drain {other}']")
    await page.becomes("document.querySelector('#confirm').open")
    assert await page.evaluate("document.activeElement.id") == "no"  # Enter does no harm
    await page.press("Enter")
    await page.becomes("!document.querySelector('#confirm').open")
    assert f"{other} is drain" not in await page.evaluate("document.querySelector('#events').textContent")
    await scene.click(f"[aria-label='drain {other}']")
    await scene.click("#yes")
    await page.becomes(f"{STATES}.split(',')[{'abc'.index(other)}] === 'drain' && {OWNERS} === 1")
    await scene.shows("#events", f"{other} is drain, was up: drained, by the operator")
    await scene.click(f"[aria-label='ready {other}']")
    await scene.click("#yes")
    await page.becomes(f"{STATES}.split(',')[{'abc'.index(other)}] === 'up'")
    assert page.complaints == []

    scene.shop.limpet.process.kill()
    await scene.shop.limpet.ended()
    await scene.shows("#live b", "reconnecting")


async def test_a_phone_and_the_keyboard_reach_everything_and_markup_nothing(
    scene: Scene,
) -> None:
    page = scene.page
    for dark in (False, True):
        await page.resize(375, 800, dark=dark)
        await page.becomes("innerWidth === 375")
        await page.becomes("document.documentElement.scrollWidth <= 375")
        back = "rgb(20, 24, 26)" if dark else "rgb(251, 251, 250)"
        await page.becomes(f"getComputedStyle(document.body).backgroundColor === '{back}'")
    assert not await page.evaluate("document.querySelector('#workers').offsetParent"), "there is but one"
    assert await page.evaluate(SMALL) == []  # WCAG 2.5.8: targets of 24 pixels at least

    await page.evaluate("document.activeElement.blur()")
    reached = []
    for _ in range(40):
        await page.press("Tab")
        reached.append(await page.evaluate("document.activeElement.ariaLabel || document.activeElement.id"))
    wanted = {f"{command} {node}" for command in ("drain", "maint") for node in "abc"} | {"theme", "asked"}
    assert wanted <= set(reached)

    await page.evaluate("document.querySelector('[aria-label=\"maint a\"]').focus()")
    await page.press("Enter")
    await page.becomes("document.querySelector('#confirm').open")
    await page.press("Escape")
    await page.becomes("!document.querySelector('#confirm').open")
    assert page.complaints == []

    await page.evaluate("document.querySelector('#asked').value = '<img src=x onerror=alert(1)>'")
    await page.evaluate("document.querySelector('#explain').requestSubmit()")
    await scene.shows("#answer", "No service knows it")
    assert await page.evaluate(REFUSED) == "img-src"
    trusted = "try { document.body.innerHTML = '<b>x</b>' } catch (error) { error.name }"
    assert await page.evaluate(trusted) == "TypeError"
