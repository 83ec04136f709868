"""Where clients are served, and how: what may stand under `listen`."""

from typing import Annotated, Literal

from pydantic import Field

from config.names import FilePath
from config.section import Section
from config.units import Address
from config.values import Flag, OneOrMany


class Certificate(Section):
    """A certificate with its private key."""

    cert: FilePath = Field(description="The certificate and the chain behind it, PEM.")
    key: FilePath | None = Field(
        None, description="Its private key, PEM, without a password; in the file of `cert` unless given."
    )

    @property
    def files(self) -> tuple[str, str]:
        """Where the certificate is, and where its key."""
        return self.cert, self.key or self.cert


class ListenerTls(Section):
    """TLS for clients."""

    certificates: Annotated[tuple[Certificate, ...], OneOrMany()] = Field(
        min_length=1,
        description="Which is shown depends on the name that the client asks for; the first is the default.",
    )
    unknown_name: Literal["default", "refuse"] = Field(
        "default",
        description="A client that asks for no name, or for one that no certificate has: show it the"
        " `default`, or `refuse` it.",
    )
    min_version: Literal["TLSv1.2", "TLSv1.3"] = Field("TLSv1.2", description="The oldest version spoken.")
    client_ca: FilePath | None = Field(
        None, description="Who may sign certificates of clients, PEM; they are asked for one only with it."
    )
    client_certificate: Literal["require", "request"] = Field(
        "require", description="With `client_ca`: a client without a certificate is refused, or let in."
    )


class Listener(Section):
    """One address on which clients are served."""

    address: Address = Field(description="`HOST:PORT` or `unix:/PATH`.")
    tls: ListenerTls | None = Field(None, description="Serve https; plain HTTP without it.")
    proxy_protocol: Flag = Field(
        False, description="Each connection begins with a PROXY header (v1 or v2) of a trusted proxy's."
    )
