"""The TLS towards nodes stays what it is until its settings or files change."""

import ssl
from pathlib import Path

import pytest

from config.certificates import CertificateError
from config.node_tls import NodeTls
from config.settings import Node, Settings
from control.node_tls import NodeContexts
from control.runtime import build
from control.slots import Slot
from routing.states import Membership
from tests.certificates import Authority
from tests.control.settings import SECRET, change, failing

SECURE = Slot(Node.model_validate({"name": "a", "url": "https://a.example"}))
PLAIN = Slot(Node.model_validate({"name": "b", "url": "http://b.example"}))


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def test_only_services_with_https_have_one() -> None:
    contexts = NodeContexts()
    assert contexts.context("shop", NodeTls(), [PLAIN]) is None
    assert contexts.context("shop", NodeTls(), [PLAIN, SECURE]) is not None
    assert contexts.context("shop", NodeTls(), [SECURE._replace(membership=Membership.LEAVING)]) is not None
    assert contexts.context("shop", NodeTls(), [SECURE._replace(membership=Membership.GONE)]) is None


def test_the_nodes_certificate_is_checked_unless_said_otherwise() -> None:
    made = NodeContexts().context("shop", NodeTls(), [SECURE])
    assert made is not None
    assert (made.check_hostname, made.verify_mode) == (True, ssl.CERT_REQUIRED)
    assert made.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_it_is_the_same_until_a_file_or_a_setting_changes(authority: Authority) -> None:
    contexts, tls = NodeContexts(), NodeTls(ca=authority.file)
    first = contexts.context("shop", tls, [SECURE])
    assert contexts.context("shop", NodeTls(ca=authority.file), [SECURE]) is first
    Authority(authority.folder)
    second = contexts.context("shop", tls, [SECURE])
    assert second is not first
    assert contexts.context("shop", NodeTls(ca=authority.file, server_name="x"), [SECURE]) is not second


def test_files_that_cannot_be_used(authority: Authority) -> None:
    Path(authority.file).write_text("nothing")
    with pytest.raises(CertificateError, match="the certificates for the nodes of shop: "):
        NodeContexts().context("shop", NodeTls(ca=authority.file), [SECURE])


def test_a_reload_changes_connections_only_where_it_must(authority: Authority) -> None:
    def settings(**options: object) -> Settings:
        nodes = [{"name": "a", "url": "https://a.example"}]
        shop = {"nodes": nodes, "tls": {"ca": authority.file}, **options}
        return Settings.model_validate({"services": {"shop": shop}, "routes": [{"service": "shop"}]})

    running = build(settings(), [SECRET], failing())
    node = running.engine.services["shop"].nodes[0]
    pool = node.pool
    change(running, settings(retries={"tries": 2}))
    assert node.pool is pool
    Authority(authority.folder)
    change(running, settings(retries={"tries": 2}))
    assert node.pool is not pool
