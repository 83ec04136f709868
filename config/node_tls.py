"""How nodes with `https://` are known to be the right ones: what may stand under a service's `tls`."""

from typing import Annotated

from pydantic import Field

from config.addresses import HOST_LABEL
from config.names import FilePath
from config.section import Section
from config.values import Flag, text

ServerName = Annotated[str, text(rf"{HOST_LABEL}(?:\.{HOST_LABEL})*", "a host such as shop.internal")]


class NodeTls(Section):
    """TLS towards nodes."""

    verify: Flag = Field(
        True, description="Check the node's certificate; without it anybody can be the node."
    )
    ca: FilePath | None = Field(
        None, description="Who may sign nodes' certificates, PEM; the system's authorities without it."
    )
    server_name: ServerName | None = Field(
        None,
        description="The name that is asked for, and must be in the certificate; the URL's host without it.",
    )
    cert: FilePath | None = Field(None, description="Limpet's own certificate, for nodes that want one, PEM.")
    key: FilePath | None = Field(
        None, description="Its private key, PEM, without a password; in the file of `cert` unless given."
    )
