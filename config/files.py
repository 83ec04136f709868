"""The files that the settings name: secrets are read from theirs, and relative paths made absolute."""

from pathlib import Path

from config.problems import Found, KeyPath
from config.secret import Secret
from config.settings import Settings
from config.values import Refused


class Files:
    """Resolves paths from the folder of the configuration; what is wrong is kept in `found`."""

    def __init__(self, folder: Path) -> None:
        self.found: list[Found] = []
        self._folder = folder

    def resolve(self, settings: Settings) -> Settings:
        """The settings with the secrets of files among the others and every path absolute."""
        keys = enumerate(settings.secrets_file)
        secrets = [self._secret(("secrets_file", index), path) for index, path in keys]
        admin, log, pages = settings.admin, settings.access_log, settings.error_pages
        if admin.token_file is not None:
            token = self._secret(("admin", "token_file"), admin.token_file)
            admin = admin.model_copy(update={"token": token})
        if log.file != "-":
            log = log.model_copy(update={"file": str(self._folder / log.file)})
        html = self._page(("error_pages", "html"), pages.html)
        json_file = self._page(("error_pages", "json"), pages.json_file)
        return settings.model_copy(
            update={
                "admin": admin,
                "secrets": (*settings.secrets, *(secret for secret in secrets if secret is not None)),
                "access_log": log,
                "error_pages": pages.model_copy(update={"html": html, "json_file": json_file}),
            }
        )

    def _secret(self, key: KeyPath, path: str) -> Secret | None:
        content = self._text(key, path)
        if content is None:
            return None
        try:
            return Secret.parse(content.strip())
        except Refused as refusal:
            self.found.append(Found(key, f"what the file holds {refusal.allowed}"))
            return None

    def _page(self, key: KeyPath, path: str | None) -> str | None:
        if path is None:
            return None
        self._text(key, path)
        return str(self._folder / path)

    def _text(self, key: KeyPath, path: str) -> str | None:
        """The content of a file, or None where it cannot be read."""
        try:
            with (self._folder / path).open(encoding="utf-8") as file:
                return file.read()
        except UnicodeDecodeError:
            self.found.append(Found(key, "the file is not UTF-8"))
        except OSError as error:
            self.found.append(Found(key, f"the file cannot be read: {error.strerror}"))
        return None
