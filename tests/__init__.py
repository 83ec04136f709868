"""Present so that `tests/config` never shadows the package `config`."""
