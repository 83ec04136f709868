"""The package's own tests, by Node.js's own runner: `npm test` in sdk/node."""

import subprocess

from tests.sdk_node.conftest import SDK


def test_the_packages_own_tests_pass() -> None:
    command = ["node", "--test", "--test-reporter=tap"]
    done = subprocess.run(command, cwd=SDK, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-5000:]
    assert "# pass 0" not in done.stdout and "# skipped 0" in done.stdout
