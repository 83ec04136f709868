"""Rules that random schedules seldom miss: each has one made for it, harmless while the rule holds."""

import logging
from collections.abc import Iterator

import pytest

from tests.model.clock import run
from tests.model.mutations import without_rule
from tests.model.schedules import SCHEDULES


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_rule_keeps_what_was_acknowledged(name: str) -> None:
    assert run(SCHEDULES[name]()) == []


@pytest.mark.parametrize("name", SCHEDULES)
def test_without_it_something_is_lost(name: str) -> None:
    with without_rule(name):
        assert run(SCHEDULES[name]()) != []
