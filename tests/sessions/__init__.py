"""Present so that `tests/sessions` never shadows the package `sessions`."""
