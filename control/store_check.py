"""What `limpet check` finds of the stores: whether they answer, and how they can lose sessions."""

import asyncio
import logging
from pathlib import Path
from typing import NamedTuple

from config.session_settings import Store as StoreSettings
from config.settings import Settings
from control.stores import make_store
from sessions.ids import new_id
from sessions.stores.store import Get, Status, Store, StoreError


class StoreReport(NamedTuple):
    """`found`: one line of what it is; `warnings`: what is wrong with it."""

    found: str
    warnings: list[str]


def check_stores(settings: Settings) -> list[StoreReport]:
    """One for each store that a service names."""
    logging.getLogger("limpet.stores").addHandler(logging.NullHandler())  # the report says it all
    named = {name for service in settings.services.values() for name in service.sessions.stores}
    return [_check(name, store) for name, store in settings.stores.items() if name in named]


def _check(name: str, settings: StoreSettings) -> StoreReport:
    place = str(settings.redis or settings.embedded)
    if settings.embedded is not None and not Path(settings.embedded).exists():
        return StoreReport(f"store {name}: {place} is not there yet: `limpet run` makes it", [])
    return asyncio.run(_visit(name, place, settings))


async def _visit(name: str, place: str, settings: StoreSettings) -> StoreReport:
    try:
        store = make_store(name, settings)
        try:
            return await _ask(name, place, store)
        finally:
            await store.close()
    except StoreError as error:
        return StoreReport(f"store {name}: {place} cannot be used", [f"store {name}: {error}"])


async def _ask(name: str, place: str, store: Store) -> StoreReport:
    await store.open()
    outcome = (await store.run([Get(new_id())]))[0]
    if outcome.status is Status.FAILED:
        return StoreReport(f"store {name}: {place} does not answer", [f"store {name}: {outcome.why}"])
    sentences = [f"store {name}: {sentence}" for sentence in await store.advice()]
    return StoreReport(f"store {name}: {place} answers", sentences)
