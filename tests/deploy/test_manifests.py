"""What is deployed fits together: files load; names, ports and times agree. Nothing is built or applied."""

import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from config.loading import load
from config.settings import Settings
from tests.deploy.rules import ROOT

DEPLOY = ROOT / "deploy"
YAML = sorted([*DEPLOY.rglob("*.yml"), *DEPLOY.rglob("*.yaml")])
DOCKERFILES = sorted(DEPLOY.rglob("*Dockerfile"))
ENV = {name: "0123456789abcdef" + name for name in ("LIMPET_SECRET", "LIMPET_NODE_KEY", "LIMPET_ADMIN_TOKEN")}


def documents(file: str) -> dict[tuple[str, str], Any]:
    """Kubernetes objects by kind and name."""
    loaded = yaml.safe_load_all((DEPLOY / "kubernetes" / file).read_text())
    return {(each["kind"], each["metadata"]["name"]): each for each in loaded}


@pytest.mark.parametrize("file", YAML, ids=lambda file: str(file.relative_to(DEPLOY)))
def test_all_yaml_loads(file: Path) -> None:
    assert all(isinstance(each, dict) for each in yaml.safe_load_all(file.read_text()))


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: file.name)
def test_dockerfiles_copy_what_there_is(file: Path) -> None:
    text = file.read_text()
    sources = re.findall(r"^COPY (?!--)(\S+) ", text, re.M)
    assert sources
    assert all((ROOT / source).exists() for source in sources)
    assert re.search(r"^USER 10001$", text, re.M), "nobody needs root"
    assert file.with_name(file.name + ".dockerignore").exists()


def test_compose_runs_what_its_proxy_expects() -> None:
    compose = yaml.safe_load((DEPLOY / "docker" / "compose.yaml").read_text())
    settings = load(DEPLOY / "docker" / "proxy.yaml", ENV)
    services = compose["services"]
    assert {node.name for node in settings.services["shop"].nodes} == services.keys() - {"limpet", "redis"}
    for node in settings.services["shop"].nodes:
        assert (node.url.host, node.url.port) == (node.name, 9000)
        assert services[node.name]["environment"].keys() == {"NODE", "LIMPET_NODE_KEY"}
        assert services[node.name]["networks"] == ["inside"]
    assert services["limpet"]["environment"].keys() == ENV.keys()
    assert seconds(services["limpet"]["stop_grace_period"]) > settings.timeouts.grace
    for service in services.values():
        if build := service.get("build"):
            assert (ROOT / build["dockerfile"]).exists()


def seconds(text: str) -> int:
    return int(text.removesuffix("s"))


@pytest.fixture
def in_cluster(tmp_path: Path) -> Settings:
    """The proxy.yaml of the ConfigMap, with the Secret where a pod has it."""
    text = documents("limpet.yaml")["ConfigMap", "limpet"]["data"]["proxy.yaml"]
    for key in ("secret", "node-key", "admin-token"):
        (tmp_path / key).write_text(f"the {key} of a test, long enough".replace(" ", "-"))
    (tmp_path / "proxy.yaml").write_text(text.replace("/run/secrets/limpet", str(tmp_path)))
    return load(tmp_path / "proxy.yaml", {})


@pytest.mark.parametrize("file", ["limpet.yaml", "shop.yaml"])
@pytest.mark.parametrize("version", ["1.29", "1.37"])
def test_kubernetes_takes_the_manifests(file: str, version: str) -> None:
    """By its own schema, in which no field is unknown."""
    for each in documents(file).values():
        kubernetes_validate.validate(each, version, strict=True)


def test_the_cluster_has_the_nodes_that_limpet_asks_for(in_cluster: Settings) -> None:
    shop = documents("shop.yaml")
    app = shop["StatefulSet", "shop"]["spec"]
    service = shop["Service", app["serviceName"]]["spec"]
    assert service["clusterIP"] == "None", "headless, so that each pod has a name"
    assert service["publishNotReadyAddresses"], "a pod that is not ready for a moment is still there"
    discover = in_cluster.services["shop"].discover
    assert discover is not None
    assert discover.srv == f"_{service['ports'][0]['name']}._tcp.{app['serviceName']}"


def test_the_cluster_gives_everybody_the_time_they_take(in_cluster: Settings) -> None:
    pod = documents("limpet.yaml")["Deployment", "limpet"]["spec"]["template"]["spec"]
    pause = int(pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][-1])
    assert pod["terminationGracePeriodSeconds"] > pause + in_cluster.timeouts.grace
    app = documents("shop.yaml")["StatefulSet", "shop"]["spec"]["template"]["spec"]
    told = app["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][-1]
    assert app["terminationGracePeriodSeconds"] > int(told.rpartition(" ")[2])
    assert told.startswith("touch /tmp/$NODE.leaving && "), "what the next test does to a real node"


@pytest.mark.parametrize(
    ("file", "kind", "name"), [("limpet.yaml", "Deployment", "limpet"), ("shop.yaml", "StatefulSet", "shop")]
)
def test_everything_selects_the_pods_that_it_means(file: str, kind: str, name: str) -> None:
    objects = documents(file)
    labels = objects[kind, name]["spec"]["template"]["metadata"]["labels"]
    ports = {p["name"] for p in objects[kind, name]["spec"]["template"]["spec"]["containers"][0]["ports"]}
    for (other, _), each in objects.items():
        spec = each.get("spec", {})
        selector = {"Service": spec.get("selector"), "NetworkPolicy": spec.get("podSelector")}.get(other)
        selector = (
            selector if other == "Service" else (selector or spec.get("selector") or {}).get("matchLabels")
        )
        assert selector in (None, labels), each["metadata"]
        if other == "Service":
            assert {port.get("targetPort", port["name"]) for port in spec["ports"]} <= ports
