"""The URL of a Redis: what it may say, checked before anybody connects, and never shown with its password."""

import re
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlencode

from config.addresses import UNIX_PATH, split_authority
from config.values import Refused, parsed

ALLOWED = (
    "must be redis://[USER:PASSWORD@]HOST[:PORT][/DB], rediss://... with TLS, redis+unix:///PATH,"
    " redis+sentinel://HOST[:PORT],.../MASTER[/DB] or redis+cluster://HOST[:PORT],...; in a user or password"
    " everything but letters and digits as `%2F`"
)
SCHEMES = {
    "redis",
    "rediss",
    "redis+unix",
    "redis+sentinel",
    "rediss+sentinel",
    "redis+cluster",
    "rediss+cluster",
}
FILE_OPTIONS = {"ssl_ca_certs", "ssl_certfile", "ssl_keyfile"}
URL = re.compile(
    r"(?P<scheme>[a-z+]+)://(?:(?P<login>[^/?#]*)@)?(?P<hosts>[^@/?#]*)(?P<path>/[^?#]*)?(?:\?(?P<query>[^#]*))?"
)


@parsed({"type": "string", "pattern": r"^rediss?(?:\+(?:unix|sentinel|cluster))?://.+$"})
class StoreUrl:
    """Where a Redis is, and how to log in: `text` gives it whole, `repr` and `str` leave the login out."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    @classmethod
    def parse(cls, value: object) -> "StoreUrl":
        """From text; else Refused, with a message that shows nothing of it."""
        if isinstance(value, cls):
            return value
        if not isinstance(value, str) or not re.fullmatch(r"[\x21-\x7e]+", value):
            raise Refused(ALLOWED, quoted=False)
        match = URL.fullmatch(value)
        if match is None or match["scheme"] not in SCHEMES:
            raise Refused(ALLOWED, quoted=False)
        check_options(match["scheme"], match["query"] or "")
        check_place(match["scheme"], match["hosts"], match["path"] or "")
        return cls(value)

    def files(self) -> dict[str, str]:
        """The files of certificates and keys that it names, by option."""
        query = self.text.partition("?")[2]
        return {name: path for name, path in parse_qsl(query) if name in FILE_OPTIONS}

    def below(self, folder: Path) -> "StoreUrl":
        """The same with the paths of its files counted from `folder`."""
        files = self.files()
        if not files:
            return self
        url, _, query = self.text.partition("?")
        options = dict(parse_qsl(query, keep_blank_values=True))
        options |= {name: str(folder / path) for name, path in files.items()}
        return StoreUrl(f"{url}?{urlencode(options)}")

    def __repr__(self) -> str:
        return f"StoreUrl({str(self)!r})"

    def __str__(self) -> str:
        url = self.text.partition("?")[0]
        scheme, _, rest = url.partition("://")
        login, separator, place = rest.rpartition("@")
        return f"{scheme}://{'***@' if login or separator else ''}{place}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StoreUrl) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)


def check_options(scheme: str, query: str) -> None:
    """Raises Refused for options that the scheme does not have."""
    known = FILE_OPTIONS | {"ssl_cert_reqs"} if scheme.startswith("rediss") else set()
    if scheme.endswith("sentinel"):
        known |= {"sentinel_username", "sentinel_password"}
    if scheme == "redis+unix":
        known = {"db"}
    options = dict(parse_qsl(query, keep_blank_values=True))
    if options.keys() - known:
        words = f"only {', '.join(sorted(known))}" if known else "no options"
        raise Refused(f"must have {words} after `?` with {scheme}://", quoted=False)
    if options.get("ssl_cert_reqs", "none") not in ("required", "none"):
        raise Refused("must have ssl_cert_reqs `required` or `none`", quoted=False)
    if not re.fullmatch("[0-9]{1,9}", options.get("db", "0")):
        raise Refused("must have a number as `db`", quoted=False)
    if "ssl_keyfile" in options and "ssl_certfile" not in options:
        raise Refused("must not have `ssl_keyfile` without `ssl_certfile`", quoted=False)
    if empty := sorted(name for name in options.keys() & FILE_OPTIONS if not options[name]):
        raise Refused(f"must have a path as `{empty[0]}`", quoted=False)


def check_place(scheme: str, hosts: str, path: str) -> None:
    """Raises Refused for servers or a path that do not fit the scheme."""
    if scheme == "redis+unix":
        if hosts or not UNIX_PATH.fullmatch(unquote(path)):
            raise Refused(ALLOWED, quoted=False)
        return
    places = [split_authority(host) for host in hosts.split(",")]
    if any(place is None or place[1] == 0 for place in places):
        raise Refused(ALLOWED, quoted=False)
    single = scheme in ("redis", "rediss")
    if single and len(places) > 1:
        raise Refused("must be redis+sentinel:// or redis+cluster:// with several hosts", quoted=False)
    if scheme.endswith("sentinel"):
        if not re.fullmatch("/[^/]+(?:/[0-9]{0,9})?", path):
            raise Refused(
                "must end with the name of the master: redis+sentinel://HOST,.../MASTER[/DB]", quoted=False
            )
    elif scheme.endswith("cluster"):
        if path not in ("", "/", "/0"):
            raise Refused("must not name a database: a Cluster has only 0", quoted=False)
    elif not re.fullmatch("(?:/[0-9]{0,9})?", path):
        raise Refused("must end with the number of a database, or after the port", quoted=False)
