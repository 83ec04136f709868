"""From a file to settings: reads, expands, validates and checks, and reports all that is wrong at once."""

from collections.abc import Mapping
from pathlib import Path

from config.checks import contradictions
from config.files import Files
from config.partial import Outcome
from config.problems import ConfigError, Problem
from config.settings import Route, Settings
from config.source import Source
from config.store_checks import shared_keys


def load(path: str | Path, env: Mapping[str, str]) -> Settings:
    """The settings of a file, with `${NAME}` taken from `env`. Raises ConfigError with all that is wrong.

    Secrets of files are among the others, paths are absolute (they count from the folder of the file), and
    where the file has no routes there is one, to its only service.
    """
    return read(path, env)[0]


def read(path: str | Path, env: Mapping[str, str]) -> tuple[Settings, Source]:
    """As `load`, with the source, which knows the line of each key."""
    source = Source(str(path), text_of(Path(path)), env)
    outcome = Outcome(source)
    problems, settings = outcome.found, outcome.settings
    if settings is not None:
        problems += outcome.concluded(contradictions(settings, services_named(source)))
        files = Files(Path(path).absolute().parent)
        settings = files.resolve(settings)
        problems += outcome.concluded(files.found)
        problems += outcome.concluded(() if files.found else shared_keys(settings))
    if problems or settings is None:
        raise ConfigError(dict.fromkeys(map(source.problem, problems)))
    return with_routes(settings), source


def text_of(path: Path) -> str:
    """The content of a file; raises ConfigError where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError([Problem(str(path), line, "", "is not UTF-8")]) from None
    except OSError as error:
        raise ConfigError([Problem(str(path), 0, "", f"cannot be read: {error.strerror}")]) from None


def services_named(source: Source) -> list[str]:
    """The services that the file has, sound or not."""
    services = source.tree.get("services") if isinstance(source.tree, dict) else None
    return list(services) if isinstance(services, dict) else []


def with_routes(settings: Settings) -> Settings:
    if settings.routes:
        return settings
    return settings.model_copy(update={"routes": (Route(service=next(iter(settings.services))),)})
