"""Settings: what a person chose, gathered once at the edge, as values that do not change.

A flag wins over the environment, that over a trusted project's files (`.env`, `retinue.toml`),
those over the person's own `config.toml`, that over the default; `origins` says which it was.
"""

from ._keep import changed, keep_key, key_places, write_settings
from ._load import load
from ._persona import Persona
from ._places import config_file, current_folder, trust_file
from ._secret import Secret
from ._settings import ENDPOINT, OPTIONS, Endpoint, Layer, Option, Origin, Settings, Source
from ._trust import Project, Trusted, TrustState, find_project, read_project

__all__ = [
    "ENDPOINT",
    "OPTIONS",
    "Endpoint",
    "Layer",
    "Option",
    "Origin",
    "Persona",
    "Project",
    "Secret",
    "Settings",
    "Source",
    "TrustState",
    "Trusted",
    "changed",
    "config_file",
    "current_folder",
    "find_project",
    "keep_key",
    "key_places",
    "load",
    "read_project",
    "trust_file",
    "write_settings",
]
