"""The files that the configuration names, and reads with itself: when one of them changes, so does it."""

from collections.abc import Iterator
from pathlib import Path

from config.settings import Settings


def named_files(settings: Settings, folder: Path) -> list[Path]:
    """Secrets, keys, the admin token, error pages, certificates; relative paths count from `folder`."""
    return [folder / path for path in _named(settings)]


def _named(settings: Settings) -> Iterator[str]:
    yield from settings.secrets_file
    yield from settings.node_keys_file
    pages = settings.error_pages
    for path in (settings.admin.token_file, pages.html, pages.json_file):
        if path is not None:
            yield path
    for listener in settings.listen:
        if (tls := listener.tls) is not None:
            for pair in tls.certificates:
                yield from pair.files
            if tls.client_ca is not None:
                yield tls.client_ca
    for store in settings.stores.values():
        if store.redis is not None:
            yield from store.redis.files().values()
    for service in settings.services.values():
        yield from (path for path in (service.tls.ca, service.tls.cert, service.tls.key) if path is not None)
