"""The files that the settings name: secrets are read from theirs, and relative paths made absolute."""

from collections.abc import Callable
from pathlib import Path

from config.certificates import CertificateError, check_authorities, check_pair
from config.listener_settings import Certificate, Listener
from config.problems import Found, KeyPath
from config.secret import Secret, parse_node_key
from config.session_settings import Store
from config.settings import Service, Settings
from config.values import Refused


class Files:
    """Resolves paths from the folder of the configuration; what is wrong is kept in `found`."""

    def __init__(self, folder: Path) -> None:
        self.found: list[Found] = []
        self._folder = folder

    def resolve(self, settings: Settings) -> Settings:
        """The settings with the secrets of files among the others and every path absolute."""
        secrets = self._secrets("secrets_file", settings.secrets_file, Secret.parse)
        node_keys = self._secrets("node_keys_file", settings.node_keys_file, parse_node_key)
        admin, log, pages = settings.admin, settings.access_log, settings.error_pages
        if admin.token_file is not None:
            token = self._secret(("admin", "token_file"), admin.token_file, Secret.parse)
            admin = admin.model_copy(update={"token": token})
        if log.file != "-":
            log = log.model_copy(update={"file": str(self._folder / log.file)})
        html = self._page(("error_pages", "html"), pages.html)
        json_file = self._page(("error_pages", "json"), pages.json_file)
        return settings.model_copy(
            update={
                "services": {name: self._service(name, each) for name, each in settings.services.items()},
                "listen": tuple(self._listener(index, each) for index, each in enumerate(settings.listen)),
                "admin": admin,
                "secrets": (*settings.secrets, *secrets),
                "node_keys": (*settings.node_keys, *node_keys),
                "stores": {name: self._store(name, store) for name, store in settings.stores.items()},
                "access_log": log,
                "error_pages": pages.model_copy(update={"html": html, "json_file": json_file}),
            }
        )

    def _secrets(
        self, option: str, paths: tuple[str, ...], parse: Callable[[object], Secret]
    ) -> list[Secret]:
        found = [self._secret((option, index), path, parse) for index, path in enumerate(paths)]
        return [secret for secret in found if secret is not None]

    def _secret(self, key: KeyPath, path: str, parse: Callable[[object], Secret]) -> Secret | None:
        content = self._text(key, path)
        if content is None:
            return None
        try:
            return parse(content.strip())
        except Refused as refusal:
            self.found.append(Found(key, f"what the file holds {refusal.allowed}"))
            return None

    def _listener(self, index: int, listener: Listener) -> Listener:
        tls = listener.tls
        if tls is None:
            return listener
        here: KeyPath = ("listen", index, "tls")
        pairs = tuple(
            self._pair((*here, "certificates", number), each) for number, each in enumerate(tls.certificates)
        )
        client_ca = self._authorities(here, "client_ca", tls.client_ca)
        tls = tls.model_copy(update={"certificates": pairs, "client_ca": client_ca})
        return listener.model_copy(update={"tls": tls})

    def _service(self, name: str, service: Service) -> Service:
        discover, tls = service.discover, service.tls
        if discover is not None and discover.files:
            files = tuple(str(self._folder / pattern) for pattern in discover.files)
            service = service.model_copy(update={"discover": discover.model_copy(update={"files": files})})
        if not (tls.ca or tls.cert):
            return service
        here: KeyPath = ("services", name, "tls")
        paths = {"ca": self._authorities(here, "ca", tls.ca)}
        if tls.cert is not None:
            pair = self._pair(here, Certificate.model_construct(cert=tls.cert, key=tls.key))
            paths |= {"cert": pair.cert, "key": pair.key}
        return service.model_copy(update={"tls": tls.model_copy(update=paths)})

    def _pair(self, here: KeyPath, pair: Certificate) -> Certificate:
        cert, key = (str(self._folder / path) for path in pair.files)
        try:
            check_pair(cert, key)
        except CertificateError as error:
            option = error.option if pair.key else "cert"
            self.found.append(Found((*here, option), error.message))
        return pair.model_copy(update={"cert": cert, "key": key})

    def _authorities(self, here: KeyPath, option: str, path: str | None) -> str | None:
        if path is None:
            return None
        path = str(self._folder / path)
        try:
            check_authorities(option, path)
        except CertificateError as error:
            self.found.append(Found((*here, option), error.message))
        return path

    def _store(self, name: str, store: Store) -> Store:
        here: KeyPath = ("stores", name)
        if store.redis is not None:
            for option, path in store.redis.files().items():
                self._text((*here, "redis"), path, f"the file of `{option}`")
            return store.model_copy(update={"redis": store.redis.below(self._folder)})
        if store.embedded is not None:
            path = str(self._folder / store.embedded)
            if not Path(path).parent.is_dir():
                self.found.append(Found((*here, "embedded"), "the folder of the file does not exist"))
            elif Path(path).is_dir():
                self.found.append(Found((*here, "embedded"), "must be a file, and is a folder"))
            return store.model_copy(update={"embedded": path})
        return store

    def _page(self, key: KeyPath, path: str | None) -> str | None:
        if path is None:
            return None
        self._text(key, path)
        return str(self._folder / path)

    def _text(self, key: KeyPath, path: str, what: str = "the file") -> str | None:
        """The content of a file, or None where it cannot be read."""
        try:
            with (self._folder / path).open(encoding="utf-8") as file:
                return file.read()
        except UnicodeDecodeError:
            self.found.append(Found(key, f"{what} is not UTF-8"))
        except OSError as error:
            self.found.append(Found(key, f"{what} cannot be read: {error.strerror}"))
        return None
