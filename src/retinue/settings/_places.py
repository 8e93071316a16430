"""Where things lie: the XDG base directories (https://specifications.freedesktop.org/basedir/)."""

from collections.abc import Mapping
from pathlib import Path


def config_file(environ: Mapping[str, str]) -> Path | None:
    """The person's own settings; None where there is no home."""
    folder = _folder(environ, "XDG_CONFIG_HOME", ".config")
    return folder / "config.toml" if folder else None


def keys_folder(environ: Mapping[str, str]) -> Path | None:
    """Keys that we keep for the person, each in a file; None where there is no home."""
    folder = _folder(environ, "XDG_CONFIG_HOME", ".config")
    return folder / "keys" if folder else None


def trust_file(environ: Mapping[str, str]) -> Path | None:
    """What the person trusts; None where there is no home."""
    folder = _folder(environ, "XDG_DATA_HOME", ".local/share")
    return folder / "trusted.json" if folder else None


def typed_file(environ: Mapping[str, str]) -> Path | None:
    """What the person typed in the shell; None where there is no home."""
    folder = _folder(environ, "XDG_DATA_HOME", ".local/share")
    return folder / "shell_history" if folder else None


def worker_file(environ: Mapping[str, str]) -> Path | None:
    """What processes have to say that execute runs in the background; None without a home."""
    folder = _folder(environ, "XDG_DATA_HOME", ".local/share")
    return folder / "worker.log" if folder else None


def current_folder() -> Path | None:
    """Where we are; None where that folder is gone."""
    try:
        return Path.cwd()
    except OSError:
        return None


def _folder(environ: Mapping[str, str], variable: str, otherwise: str) -> Path | None:
    chosen = environ.get(variable, "")
    if Path(chosen).is_absolute():  # a relative one is to be ignored, says the specification
        return Path(chosen) / "retinue"
    home = environ.get("HOME") or environ.get("USERPROFILE")
    return Path(home) / otherwise / "retinue" if home else None
