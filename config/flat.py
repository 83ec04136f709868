"""Settings as one value for each key, to be compared: what is secret shows only whether it has changed."""

import hashlib
from collections.abc import Callable, Iterator

from pydantic import BaseModel

from config.secret import Secret
from config.settings import HeaderEdit, Settings
from config.store_urls import StoreUrl

Disguise = Callable[[bytes], str]

# What a member of a list is known by, where that is better than its number.
_NAMES = ("name", "address")
_SHOWN_HEADERS = "set"


def disguise(nonce: bytes) -> Disguise:
    """A secret's sign: the same secrets have the same, others almost surely another (one in 65,536).

    Two bytes of a keyed hash: whoever sees it, and the nonce, has learned nothing that is worth a guess.
    """
    return lambda secret: "secret " + hashlib.blake2b(secret, key=nonce, digest_size=2).hexdigest()


def flat(settings: Settings, hidden: Disguise) -> dict[str, str]:
    """By key as in `services.shop.nodes[a].weight`; options that have no value are left out."""
    return dict(_walk(settings, "", hidden))


def _walk(value: object, key: str, hidden: Disguise) -> Iterator[tuple[str, str]]:
    if isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            here = f"{key}.{field.alias or name}".removeprefix(".")
            member = getattr(value, name)
            if isinstance(value, HeaderEdit) and name == _SHOWN_HEADERS:  # keys for nodes
                member = {header: Secret(text) for header, text in member.items()}
            yield from _walk(member, here, hidden)
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from _walk(member, f"{key}.{name}", hidden)
    elif isinstance(value, tuple) and any(isinstance(member, BaseModel | Secret) for member in value):
        for number, member in enumerate(value):
            yield from _walk(member, f"{key}[{_name(member, number)}]", hidden)
    elif value is not None and value != ():
        yield key, _text(value, hidden)


def _name(member: object, number: int) -> str:
    return next((str(getattr(member, name)) for name in _NAMES if hasattr(member, name)), str(number))


def _text(value: object, hidden: Disguise) -> str:
    if isinstance(value, Secret):
        return hidden(value.encode())
    if isinstance(value, StoreUrl):
        return f"{value} ({hidden(value.text.encode())})"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple | frozenset):
        return ", ".join(map(str, value))
    return str(value)
