"""Certificates of an authority that only the tests know."""

import datetime
import ssl
from pathlib import Path
from typing import Any

import trustme


class Authority:
    """Issues certificates into files of a folder."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self.folder = folder
        self._authority = trustme.CA()
        self.file = str(folder / f"{name}.pem")
        self._authority.cert_pem.write_to_path(self.file)

    def issue(self, *names: str, into: str = "", **options: Any) -> dict[str, str]:
        """A certificate for these names with its key, as the settings have them."""
        made = self._authority.issue_cert(*names, **options)
        name = into or names[0].replace("*", "any")
        found = {"cert": str(self.folder / f"{name}.crt"), "key": str(self.folder / f"{name}.key")}
        Path(found["cert"]).write_bytes(b"".join(blob.bytes() for blob in made.cert_chain_pems))
        Path(found["key"]).write_bytes(made.private_key_pem.bytes())
        return found

    def expired(self, *names: str, into: str = "") -> dict[str, str]:
        """One whose time is over."""
        return self.issue(*names, into=into, not_after=datetime.datetime(2020, 1, 2, tzinfo=datetime.UTC))

    def client(self, pair: dict[str, str] | None = None) -> ssl.SSLContext:
        """For a client that believes this authority; `pair`: its own certificate."""
        context = ssl.create_default_context(cafile=self.file)
        if pair is not None:
            context.load_cert_chain(pair["cert"], pair["key"])
        return context

    def server(self, pair: dict[str, str], **options: Any) -> ssl.SSLContext:
        """For a server that shows this certificate."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, **options)
        context.load_cert_chain(pair["cert"], pair["key"])
        return context
