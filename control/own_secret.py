"""The secret that Limpet makes for itself when the file names none: kept beside it, for its owner only."""

import contextlib
import os
import secrets
import stat
from pathlib import Path

SHORTEST = 16  # bytes, as for secrets that the operator chooses


class SecretError(Exception):
    """The kept secret cannot be made, read or trusted; the message says what to do."""


def own_secret(folder: Path) -> tuple[bytes, Path]:
    """The secret kept in `.limpet/secret` under `folder`, made on first use, and where it is."""
    path = folder / ".limpet" / "secret"
    try:
        if not path.exists():
            _make(path)
        return _read(path), path
    except OSError as error:
        raise SecretError(f"{path}: {error.strerror}; give `secrets` in the configuration instead") from error


def _make(path: Path) -> None:
    """Write it whole beside its place and link it there: of several proxies that start at once, one wins."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    draft = path.with_name(f"secret.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with open(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        os.unlink(draft)


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        about = os.fstat(file.fileno())
        content = file.read(4096).strip()
    if about.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SecretError(f"{path}: others can read or change it: chmod 600, or delete it to get a new one")
    if about.st_uid not in (os.getuid(), 0):
        raise SecretError(f"{path}: belongs to somebody else: delete it to get a new one")
    if len(content) < SHORTEST:
        raise SecretError(f"{path}: must hold at least {SHORTEST} bytes: delete it to get a new one")
    return content
