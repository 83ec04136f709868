"""`limpet check` looks once for the nodes that are to be found, and says what it found."""

import json
from pathlib import Path
from typing import Any

from tests.control.discovery.dnsmasq import NAME, dnsmasq
from tests.control.process import configuration
from tests.control.test_check import invoke


def written(folder: Path, **services: Any) -> str:
    settings = json.loads(configuration([]))
    settings["services"] = {name: {"discover": discover} for name, discover in services.items()}
    settings["routes"] = [{"service": name, "path": f"/{name}"} for name in services]
    path = folder / "proxy.yaml"
    path.write_text(json.dumps(settings))
    return str(path)


def test_what_was_found_is_said_and_what_was_not_is_a_warning(tmp_path: Path) -> None:
    text = "- {targets: ['h:1'], labels: {limpet_name: one}}\n- {targets: ['h:2']}\n"
    (tmp_path / "nodes.yml").write_text(text)
    with dnsmasq(tmp_path) as dns:
        dns.has(*(f"127.0.1.{number}" for number in range(1, 11)))
        path = written(
            tmp_path,
            shop={"dns": NAME, "port": 80, "resolvers": dns.resolver},
            mail={"srv": "nobody.test", "resolvers": dns.resolver},
            wiki={"files": ["nodes.yml", "none.json"]},
        )
        result = invoke("check", "-c", path)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].startswith("service shop: DNS app.test has 10: 127.0.1.10:80, 127.0.1.1:80, ")
    assert lines[0].endswith(" and 2 more")
    assert lines[1].endswith("has 2: h:2, one (http://h:1)")
    assert lines[2] == f"{path} is fine: 3 services, 12 nodes, 3 routes"
    warnings = [line for line in result.stderr.splitlines() if line.startswith("warning: service")]
    assert "mail: SRV nobody.test: The DNS query name does not exist: nobody.test" in warnings[0]
    assert "`limpet run` answers 503 until there is a node" in warnings[0]
    assert "none.json: cannot be read" in warnings[1]
    assert "503" not in warnings[1]
