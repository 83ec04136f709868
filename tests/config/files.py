"""Small configuration files, and what is said of them."""

from collections.abc import Mapping
from pathlib import Path

from config.loading import load
from config.problems import ConfigError
from config.settings import Settings

NODES = "nodes: [{name: a, url: 'http://127.0.0.1:9001'}]"
SHOP = f"services: {{shop: {{{NODES}}}}}\n"


def service(options: str, name: str = "shop", more: str = "") -> str:
    """A file with one service that has these options in its second line."""
    return f"services:\n  {name}: {{{NODES}, {options}}}\n{more}"


def contract(options: str, nodes: int = 3, more: str = "") -> str:
    """A file whose service `shop` has these options in line 3, so many nodes, and all that these may need."""
    items = "".join(f"    - {{name: {name}, url: 'http://{name}'}}\n" for name in "abcdefgh"[:nodes])
    keys = (
        "node_keys: [correct-horse-battery]\nstores: {main: {redis: 'redis://r'}, local: {embedded: s.db}}\n"
    )
    return f"services:\n  shop:\n    {options}\n    nodes:\n{items}{keys}{more}"


class Loader:
    """Loads files out of one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "proxy.yaml"

    def settings(self, text: str, env: Mapping[str, str] | None = None) -> Settings:
        self.path.write_text(text, encoding="utf-8")
        return load(self.path, env or {})

    def problems(self, text: str, env: Mapping[str, str] | None = None) -> list[str]:
        """What is said of a file, each as `LINE: KEY: MESSAGE`; nothing if it is fine."""
        try:
            self.settings(text, env)
        except ConfigError as error:
            said = str(error).splitlines()
            return [line.removeprefix(f"{self.path}").removeprefix(":").removeprefix(" ") for line in said]
        return []
