"""Files that the settings name."""

from pathlib import Path

import pytest

from config.secret import Secret
from tests.config.files import SHOP, Loader

SECRET = "correct-horse-battery"


def test_secrets_come_out_of_files(loader: Loader) -> None:
    (loader.folder / "one").write_text(SECRET + "\n")
    (loader.folder / "two").write_text(f"  {SECRET}2  \n\n")
    text = f"{SHOP}secrets_file: [one, {loader.folder / 'two'}]\nadmin: {{token_file: one}}\n"
    found = loader.settings(text)
    assert found.secrets == (Secret(SECRET), Secret(SECRET + "2"))
    assert found.admin.token == Secret(SECRET)


def test_one_file_needs_no_list(loader: Loader) -> None:
    (loader.folder / "one").write_text(SECRET)
    assert loader.settings(f"{SHOP}secrets_file: one\n").secrets == (Secret(SECRET),)


def test_keys_of_nodes_come_out_of_files(loader: Loader) -> None:
    (loader.folder / "one").write_text(SECRET + "\n")
    (loader.folder / "two").write_text("correct horse battery staple")
    assert loader.settings(f"{SHOP}node_keys_file: one\n").node_keys == (Secret(SECRET),)
    (said,) = loader.problems(f"{SHOP}node_keys_file: [one, two]\n")
    assert said.startswith("2: node_keys_file[1]: what the file holds must be visible ASCII without spaces")


def test_certificates_of_stores_count_from_the_folder_too(loader: Loader) -> None:
    text = SHOP + "stores: {main: {redis: 'rediss://u:p@a?ssl_ca_certs=ca.pem'}}\n"
    assert loader.problems(text) == [
        "2: stores.main.redis: the file of `ssl_ca_certs` cannot be read: No such file or directory"
    ]
    (loader.folder / "ca.pem").write_text("x")
    url = loader.settings(text).stores["main"].redis
    assert url is not None
    assert url.files() == {"ssl_ca_certs": str(loader.folder / "ca.pem")}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "the file cannot be read: No such file or directory"),
        (
            b"short\n",
            "what the file holds must be at least 16 bytes long, not 5 (try `openssl rand -hex 32`)",
        ),
        (b"\xff" * 20, "the file is not UTF-8"),
    ],
)
def test_a_file_without_a_secret(loader: Loader, content: bytes | None, message: str) -> None:
    if content is not None:
        (loader.folder / "one").write_bytes(content)
    assert loader.problems(f"{SHOP}secrets_file: [one]\n") == [f"2: secrets_file[0]: {message}"]
    assert loader.problems(f"{SHOP}admin: {{token_file: one}}\n") == [f"2: admin.token_file: {message}"]


def test_paths_count_from_the_folder_of_the_file(
    loader: Loader, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (loader.folder / "error.html").write_text("x")
    (loader.folder / "error.json").write_text("{}")
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    text = SHOP + "access_log: {file: logs/access.log}\nerror_pages: {html: error.html, json: error.json}\n"
    found = loader.settings(text)
    assert Path(found.access_log.file) == loader.folder / "logs/access.log"
    assert found.error_pages.html == str(loader.folder / "error.html")
    assert found.error_pages.json_file == str(loader.folder / "error.json")
    assert loader.settings(SHOP).access_log.file == "-"
    assert loader.settings(SHOP + "access_log: {file: /var/log/x}\n").access_log.file == "/var/log/x"


def test_an_error_page_that_is_not_there(loader: Loader) -> None:
    said = loader.problems(SHOP + "error_pages:\n  html: a.html\n  json: b.json\n")
    assert said == [
        "3: error_pages.html: the file cannot be read: No such file or directory",
        "4: error_pages.json: the file cannot be read: No such file or directory",
    ]
