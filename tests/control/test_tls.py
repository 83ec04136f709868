"""A real Limpet under TLS: started, renewed by SIGHUP, and refused with a certificate that cannot work."""

import asyncio
import json
import re
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from aiohttp import ClientSession

from tests.certificates import Authority
from tests.control.process import command, configuration, eventually, running


async def shown(port: int, authority: Authority) -> list[str]:
    """The names in the certificate that a new connection is shown."""
    context = authority.client()
    context.check_hostname = False
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="x.example")
    names: list[Any] = [value for _, value in writer.get_extra_info("peercert")["subjectAltName"]]
    writer.close()
    await writer.wait_closed()
    return names


async def expiry(admin_port: int, file: str) -> float:
    """What /metrics says of a certificate."""
    async with ClientSession() as client, client.get(f"http://127.0.0.1:{admin_port}/metrics") as answer:
        text = await answer.text()
    name, listener = "limpet_certificate_expiry_timestamp_seconds", "127.0.0.1:0"
    ((labels, value),) = re.findall(rf"^{name}{{(.*)}} (.*)$", text, re.M)
    assert sorted(labels.split(",")) == [f'file="{file}"', f'listener="{listener}"']
    return float(value)


async def test_a_renewed_certificate_is_taken_upon_sighup(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    pair = authority.issue("old.example", into="shop")
    listen = [{"address": "127.0.0.1:0", "tls": {"certificates": pair}}]
    async with running(tmp_path, configuration([1], listen=listen)) as limpet:
        port = int((await limpet.says(r"serving on https://127\.0\.0\.1:(\d+)"))[1])
        await limpet.admin_port()
        assert await shown(port, authority) == ["old.example"]

        authority.issue("new.example", into="shop")
        limpet.signal(signal.SIGHUP)
        await limpet.says(r"certificates loaded: .*shop\.crt")
        await limpet.says(r"configuration loaded \(SIGHUP\)")
        assert await shown(port, authority) == ["new.example"]
        assert await expiry(await limpet.admin_port(), str(tmp_path / "shop.crt")) > time.time()

        authority.expired("new.example", into="shop")
        limpet.signal(signal.SIGHUP)
        await limpet.says(
            r"listen\[0\]\.tls\.certificates\[0\]\.cert: the certificate in .* expired on 2020-01-02"
        )
        assert await shown(port, authority) == ["new.example"]
        limpet.signal(signal.SIGTERM)
        assert await limpet.ended() == 0
        await eventually(lambda: "Traceback" not in limpet.err)


async def test_check_names_the_line(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    pair = authority.expired("shop.example")
    listen = [{"address": "127.0.0.1:0", "tls": {"certificates": pair}}]
    file = tmp_path / "bad.json"
    file.write_text(json.dumps(json.loads(configuration([1], listen=listen)), indent=1))
    code, _, err = await command(tmp_path, "check", "-c", str(file))
    assert code == 2
    assert "bad.json:" in err
    assert "listen[0].tls.certificates.cert" in err or "listen[0].tls.certificates[0].cert" in err


async def test_http_spoken_to_it_is_logged(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    listen = [{"address": "127.0.0.1:0", "tls": {"certificates": authority.issue("shop.example")}}]
    async with running(tmp_path, configuration([1], listen=listen)) as limpet:
        port = int((await limpet.says(r"serving on https://127\.0\.0\.1:(\d+)"))[1])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        with suppress(ConnectionError):
            assert b"HTTP" not in await asyncio.wait_for(reader.read(), 60)
        writer.close()
        await eventually(lambda: "tls_plain_http" in limpet.out)
        assert "Traceback" not in limpet.err
