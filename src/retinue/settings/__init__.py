"""Settings: what a person chose, gathered once at the edge, as values that do not change.

A flag wins over the environment, that over a trusted project's files (`.env`, `retinue.toml`),
those over the person's own `config.toml`, that over the default; `origins` says which it was.
What is to be chosen next time, too, is written by `retinue.settings.keeping`.
"""

from ._endpoint import ENDPOINT, OPTIONS_OF, Endpoint
from ._load import load
from ._persona import PERSONA, Persona
from ._places import config_file, current_folder, trust_file, typed_file, worker_file
from ._secret import Secret
from ._settings import OPTIONS, Layer, Option, Origin, Settings, Source
from ._trust import Project, Trusted, TrustState, find_project, read_project

__all__ = [
    "ENDPOINT",
    "OPTIONS",
    "OPTIONS_OF",
    "PERSONA",
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
    "config_file",
    "current_folder",
    "find_project",
    "load",
    "read_project",
    "trust_file",
    "typed_file",
    "worker_file",
]
