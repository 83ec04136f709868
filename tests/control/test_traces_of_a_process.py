"""`limpet run` with traces: switched on by a reload, and what is queued at its end is sent."""

import json
import signal
from pathlib import Path

from aiohttp import ClientSession

from tests.control.collector import attributes, collecting
from tests.control.process import configuration, eventually, running
from tests.scenarios.harness import Recorder, header, started


async def test_a_reload_switches_traces_on(tmp_path: Path) -> None:
    node = Recorder()
    async with started(node), collecting() as collector, ClientSession() as client:
        off = configuration([node.port])
        async with running(tmp_path, off) as limpet:
            url, admin = (
                f"http://127.0.0.1:{port}" for port in (await limpet.port(), await limpet.admin_port())
            )
            async with client.get(f"{url}/off") as answer:
                assert answer.status == 200
            on = json.loads(off) | {"tracing": {"otlp": collector.url, "service_name": "edge"}}
            (tmp_path / "proxy.yaml").write_text(json.dumps(on))
            limpet.signal(signal.SIGHUP)
            await limpet.says("configuration loaded")
            async with client.get(f"{url}/on") as answer:
                assert answer.status == 200
            await eventually(lambda: collector.spans)
            async with client.get(f"{admin}/metrics") as answer:
                assert 'limpet_trace_spans_total{result="sent"} 1.0' in await answer.text()
            async with client.get(f"{url}/last") as answer:
                assert answer.status == 200
            limpet.signal(signal.SIGTERM)
            assert await limpet.ended() == 0
        assert [attributes(span)["url.path"] for span in collector.spans] == ["/on", "/last"]
        assert len(str(attributes(collector.spans[0])["limpet.session"])) == 16  # the hash, never the id
        sent = [bool(header(head, b"traceparent")) for head in node.heads]
        assert sent == [False, True, True]
        assert {resource["service.name"] for resource in collector.resources} == {"edge"}
