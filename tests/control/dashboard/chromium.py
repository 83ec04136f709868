"""A real Chromium without a screen, driven over the DevTools protocol."""

import asyncio
import base64
import itertools
import json
import os
import re
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from tests.control.process import PATIENCE, eventually

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or "chromium"
FLAGS = (
    "--headless=new",
    "--remote-debugging-port=0",
    "--no-sandbox",  # tests may run as root, and load only pages of their own
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
)
LISTENING = re.compile(r"DevTools listening on (ws://\S+)")


class Page:
    """One tab; `complaints` are errors in its console, whoever wrote them."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.complaints: list[str] = []
        self._socket = socket
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._reading = asyncio.create_task(self._read())
        self._session = ""
        self._password = ""
        self._answers: set[asyncio.Task[Any]] = set()

    async def attach(self) -> None:
        target = await self.call("Target.createTarget", url="about:blank")
        attached = await self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            await self.call(f"{domain}.enable")

    async def use_password(self, password: str) -> None:
        """What is typed into the browser's own dialog."""
        self._password = password
        await self.call("Fetch.enable", handleAuthRequests=True)

    async def open(self, url: str) -> None:
        await self.call("Page.navigate", url=url)

    async def resize(self, width: int, height: int, dark: bool = False, scale: float = 1) -> None:
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=width < 600,
        )
        feature = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[feature])

    async def evaluate(self, script: str) -> Any:
        """The value of an expression, awaited where it is a promise."""
        told = await self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True, userGesture=True
        )
        assert "exceptionDetails" not in told, f"{script}: {told['exceptionDetails']}"
        return told["result"].get("value")

    async def becomes(self, script: str) -> None:
        """Wait until an expression is true."""
        deadline = time.monotonic() + PATIENCE
        while not await self.evaluate(script):
            if time.monotonic() >= deadline:
                shown = await self.evaluate("document.body.innerText")
                raise AssertionError(f"never true: {script}\n{self.complaints}\n{shown}")
            await asyncio.sleep(0.05)

    async def press(self, key: str, **more: Any) -> None:
        """A key on the keyboard, as a person presses it."""
        codes = {"Enter": 13, "Tab": 9, "Escape": 27, " ": 32}
        letters = {"Enter": "\r", "Tab": "", "Escape": ""}
        event = {"key": key, "windowsVirtualKeyCode": codes.get(key, ord(key[0].upper())), **more}
        typed = letters.get(key, key)
        await self.call(
            "Input.dispatchKeyEvent", type="keyDown", **({"text": typed} if typed else {}), **event
        )
        await self.call("Input.dispatchKeyEvent", type="keyUp", **event)

    async def type(self, letters: str) -> None:
        await self.call("Input.insertText", text=letters)

    async def picture(self) -> bytes:
        """The page as it is seen, a PNG."""
        told = await self.call("Page.captureScreenshot", format="png")
        return base64.b64decode(told["data"])

    async def call(self, method: str, **params: Any) -> Any:
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        message = {"id": number, "method": method, "params": params}
        await self._socket.send_json(message | ({"sessionId": self._session} if self._session else {}))
        async with asyncio.timeout(PATIENCE):
            told = await answer
        assert "error" not in told, f"{method}: {told['error']}"
        return told["result"]

    async def close(self) -> None:
        self._reading.cancel()
        await asyncio.gather(self._reading, *self._answers, return_exceptions=True)

    async def _read(self) -> None:
        async for message in self._socket:
            told = json.loads(message.data)
            if (number := told.get("id")) in self._waiting:
                answer = self._waiting.pop(number)
                if not answer.done():
                    answer.set_result(told)
            else:
                self._notice(told.get("method", ""), told.get("params", {}))

    def _notice(self, method: str, params: dict[str, Any]) -> None:
        if method == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(params["exceptionDetails"])[:500])
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "assert"):
            self.complaints.append(json.dumps(params["args"])[:500])
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.complaints.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")
        elif method == "Fetch.requestPaused":
            self._answer("Fetch.continueRequest", requestId=params["requestId"])
        elif method == "Fetch.authRequired":
            typed = {"response": "ProvideCredentials", "username": "", "password": self._password}
            self._answer("Fetch.continueWithAuth", requestId=params["requestId"], authChallengeResponse=typed)

    def _answer(self, method: str, **params: Any) -> None:
        task = asyncio.create_task(self.call(method, **params))
        self._answers.add(task)
        task.add_done_callback(self._answers.discard)


@asynccontextmanager
async def chromium(folder: Path) -> AsyncIterator[Page]:
    """A browser of its own with one page; it is gone afterwards, with all its processes."""
    home = folder / "chromium"
    home.mkdir()
    log = (home / "err").open("wb")
    with log:
        process = await asyncio.create_subprocess_exec(
            PROGRAM,
            *FLAGS,
            f"--user-data-dir={home / 'profile'}",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=log,
            env={**os.environ, "HOME": str(home)},
            start_new_session=True,
        )
    try:
        url = await _listening(process, home / "err")
        async with aiohttp.ClientSession() as client, client.ws_connect(url, max_msg_size=0) as socket:
            page = Page(socket)
            try:
                await page.attach()
                yield page
            finally:
                await page.close()
    finally:
        if process.returncode is None:
            os.killpg(process.pid, 9)
            await process.wait()


async def _listening(process: asyncio.subprocess.Process, log: Path) -> str:
    def said() -> str:
        return log.read_text(errors="replace")

    await eventually(lambda: LISTENING.search(said()) or process.returncode is not None)
    found = LISTENING.search(said())
    assert found, f"Chromium ended:\n{said()}"
    return found[1]
