"""`limpet contract` as a person types it: what it prints, and its exit codes."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from control.cli import main
from tests.certificates import Authority
from tests.control.conformance.tampering import KEY, status, tampered
from tests.sdk.serving import serving

PATHS = ["--path", "/add", "--large", "/large", "--end", "POST /end", "--renew", "POST /renew"]
PATHS += ["--slow", "/slow"]


def run(*arguments: str, **env: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["contract", *arguments], env=env)
    return result.exit_code, result.output


def test_a_node_that_keeps_the_contract() -> None:
    with serving(tampered()) as port:
        code, said = run(f"http://127.0.0.1:{port}", "--key", KEY, *PATHS)
    assert (code, said.splitlines()[-1]) == (0, "29 fine, 0 wrong, 0 not tried")


def test_one_that_does_not_with_the_key_from_the_environment() -> None:
    with serving(tampered(status(404, 410))) as port:
        code, said = run(f"http://127.0.0.1:{port}", LIMPET_NODE_KEY=KEY)
    assert code == 1
    line = next(line for line in said.splitlines() if line.startswith("WRONG"))
    assert line.rstrip().endswith("GET after DELETE: must be answered 410, not 404")


def test_an_endpoint_with_an_address_of_its_own() -> None:
    node = tampered()
    with serving(node) as port, serving(node) as other:
        url, sessions_url = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{other}"
        code, _ = run(url, "--key", KEY, "--sessions-url", sessions_url, *PATHS)
    assert code == 0


@pytest.mark.parametrize(
    ("url", "code", "words"),
    [
        ("http://127.0.0.1:1", 1, "gave no answer"),
        ("ftp://127.0.0.1:1", 2, "must be a URL such as http://"),
        ("unix:/nowhere/app.sock", 1, "gave no answer"),
    ],
)
def test_nobody_there(url: str, code: int, words: str) -> None:
    result = run(url, "--key", KEY)
    assert result[0] == code
    assert words in result[1]


def test_a_key_is_needed() -> None:
    assert run("http://127.0.0.1:1", LIMPET_NODE_KEY="")[0] == 2


def test_a_node_under_tls_with_an_authority_of_its_own(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    pair = authority.issue("127.0.0.1")
    with serving(tampered(), ssl_certfile=pair["cert"], ssl_keyfile=pair["key"]) as port:
        url = f"https://127.0.0.1:{port}"
        assert run(url, "--key", KEY, "--ca", authority.file)[0] == 0
        code, said = run(url, "--key", KEY)
        assert code == 1 and "CERTIFICATE_VERIFY_FAILED" in said
    for given, words in (("/nowhere.pem", "cannot be used"), (str(tmp_path), "cannot be used")):
        code, said = run(url, "--key", KEY, "--ca", given)
        assert (code, words in said) == (2, True)
    assert run("http://127.0.0.1:1", "--key", KEY, "--ca", authority.file)[0] == 2
