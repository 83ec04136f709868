"""What is said of certificates that cannot be used, with the line and the key."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from config.certificates import check_pair
from tests.certificates import Authority
from tests.config.files import SHOP, Loader


@pytest.fixture
def authority(loader: Loader) -> Authority:
    return Authority(loader.folder)


def listener(cert: str = "shop.crt", key: str = "shop.key", more: str = "") -> str:
    """A file whose certificate is in line 4, and its key in line 5."""
    return (
        f"listen:\n  - address: 127.0.0.1:0\n    tls: {{certificates: [{{\n      cert: {cert},\n"
        f"      key: {key}}}]{more}}}\n{SHOP}"
    )


def test_paths_count_from_the_folder_of_the_file(loader: Loader, authority: Authority) -> None:
    authority.issue("shop.example", into="shop")
    (found,) = loader.settings(listener(more=", client_ca: authority.pem")).listen
    assert found.tls is not None
    (pair,) = found.tls.certificates
    assert pair.files == (str(loader.folder / "shop.crt"), str(loader.folder / "shop.key"))
    assert found.tls.client_ca == authority.file


def test_key_and_certificate_may_share_a_file(loader: Loader, authority: Authority) -> None:
    pair = authority.issue("shop.example", into="shop")
    with Path(pair["cert"]).open("a") as file:
        file.write(Path(pair["key"]).read_text())
    text = SHOP + "listen: {address: '127.0.0.1:0', tls: {certificates: {cert: shop.crt}}}\n"
    (found,) = loader.settings(text).listen
    assert found.tls is not None
    assert found.tls.certificates[0].files == (pair["cert"], pair["cert"])


def test_names_are_those_of_the_certificate(authority: Authority) -> None:
    pair = authority.issue("Shop.example", "*.shop.example", into="shop")
    assert check_pair(pair["cert"], pair["key"]).names == ("shop.example", "*.shop.example")


def test_files_that_are_not_there(loader: Loader, authority: Authority) -> None:
    folder = loader.folder
    (said,) = loader.problems(listener())
    assert said == (
        f"4: listen[0].tls.certificates[0].cert: the file {folder}/shop.crt cannot be read:"
        " no such file or directory"
    )
    authority.issue("shop.example", into="shop")
    (folder / "shop.key").unlink()
    (said,) = loader.problems(listener(more=", client_ca: authority.pem"))
    assert said.startswith(f"5: listen[0].tls.certificates[0].key: the file {folder}/shop.key cannot be read")
    authority.issue("shop.example", into="shop")
    (said,) = loader.problems(listener(more=", client_ca: nobody.pem"))
    assert said.startswith("5: listen[0].tls.client_ca: the file ")


def test_a_key_of_another_certificate(loader: Loader, authority: Authority) -> None:
    authority.issue("shop.example", into="shop")
    authority.issue("mail.example", into="mail")
    (said,) = loader.problems(listener(key="mail.key"))
    assert said == (
        f"5: listen[0].tls.certificates[0].key: the key in {loader.folder}/mail.key is not that of the"
        f" certificate in {loader.folder}/shop.crt"
    )


def test_one_that_has_expired(loader: Loader, authority: Authority) -> None:
    authority.expired("shop.example", into="shop")
    (said,) = loader.problems(listener())
    assert said.startswith("4: listen[0].tls.certificates[0].cert: the certificate in ")
    assert said.endswith("shop.crt expired on 2020-01-02")


def test_a_key_with_a_password(loader: Loader, authority: Authority) -> None:
    pair = authority.issue("shop.example", into="shop")
    key = serialization.load_pem_private_key(Path(pair["key"]).read_bytes(), None)
    locked = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"hunter2"),
    )
    Path(pair["key"]).write_bytes(locked)
    (said,) = loader.problems(listener())
    assert said.endswith("shop.key is protected by a password: it must be one without")


@pytest.mark.parametrize("content", [b"", b"\x30\x82", b"-----BEGIN CERTIFICATE-----\nx\n"])
def test_what_is_not_pem(loader: Loader, authority: Authority, content: bytes) -> None:
    authority.issue("shop.example", into="shop")
    for name, message in (
        ("shop.key", "5: listen[0].tls.certificates[0].key: {} holds no private key in PEM form"),
        ("shop.crt", "4: listen[0].tls.certificates[0].cert: {} holds no certificate in PEM form"),
    ):
        (loader.folder / name).write_bytes(content)
        (said,) = loader.problems(listener())
        assert said == message.format(loader.folder / name)


def test_client_certificate_needs_an_authority(loader: Loader, authority: Authority) -> None:
    authority.issue("shop.example", into="shop")
    (said,) = loader.problems(listener(more=", client_certificate: request"))
    assert said.startswith("5: listen[0].tls.client_certificate: has no effect without `client_ca`")


def test_something_must_be_shown(loader: Loader) -> None:
    assert loader.problems(SHOP + "listen: {address: '127.0.0.1:0', tls: {certificates: []}}\n") == [
        "2: listen[0].tls.certificates: must not be empty"
    ]


def test_what_nodes_are_known_by(loader: Loader, authority: Authority) -> None:
    authority.issue("limpet.example", into="own")
    nodes = "nodes: [{name: a, url: 'https://a'}]"
    tls = "tls: {ca: authority.pem, server_name: shop.internal, cert: own.crt, key: own.key}"
    found = loader.settings(f"services: {{shop: {{{nodes}, {tls}}}}}\n").services["shop"].tls
    folder = loader.folder
    assert (found.ca, found.cert, found.key) == tuple(
        str(folder / name) for name in ("authority.pem", "own.crt", "own.key")
    )
    (folder / "own.key").unlink()
    (said,) = loader.problems(f"services: {{shop: {{{nodes}, {tls}}}}}\n")
    assert said.startswith(f"1: services.shop.tls.key: the file {folder}/own.key cannot be read")


@pytest.mark.parametrize(
    ("scheme", "tls", "key", "message"),
    [
        ("http", "verify: false", "verify", "has no effect: no node's URL begins with https://"),
        ("https", "key: own.key", "key", "has no effect without `cert`"),
        ("https", "ca: authority.pem, verify: false", "ca", "has no effect without `verify`"),
        ("https", "server_name: 'a b'", "server_name", "must be a host such as shop.internal"),
    ],
)
def test_options_for_nodes_without_effect(
    loader: Loader, authority: Authority, scheme: str, tls: str, key: str, message: str
) -> None:
    file = f"services: {{shop: {{nodes: [{{name: a, url: '{scheme}://a'}}], tls: {{{tls}}}}}}}\n"
    (said,) = loader.problems(file)
    assert said.startswith(f"1: services.shop.tls.{key}: {message}")
