"""Every file that the configuration can name is known to be one that it reads."""

from pathlib import Path

from config.named_files import named_files
from config.settings import Settings

SERVICE = {
    "nodes": [{"name": "a", "url": "https://127.0.0.1:1"}],
    "tls": {"ca": "nodes.pem", "cert": "own.pem", "key": "own.key"},
}
TLS = {"certificates": {"cert": "shop.crt", "key": "/etc/shop.key"}, "client_ca": "clients.pem"}


def test_each_is_named_once_and_counts_from_the_folder() -> None:
    settings = Settings.model_validate(
        {
            "listen": {"address": "127.0.0.1:0", "tls": TLS},
            "admin": {"token_file": "token"},
            "secrets_file": ["first", "second"],
            "node_keys_file": "nodes.key",
            "error_pages": {"html": "error.html", "json": "error.json"},
            "stores": {"main": {"redis": "rediss://r?ssl_ca_certs=redis.pem&ssl_certfile=us.pem"}},
            "services": {"shop": SERVICE},
        }
    )
    own = ["clients.pem", "error.html", "error.json", "first", "nodes.key", "nodes.pem", "own.key", "own.pem"]
    folder = Path("/folder")
    assert sorted(named_files(settings, folder)) == [
        Path("/etc/shop.key"),
        *(folder / name for name in [*own, "redis.pem", "second", "shop.crt", "token", "us.pem"]),
    ]
