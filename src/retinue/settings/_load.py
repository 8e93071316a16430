"""load: from flags, environment and files to one frozen value, each layer over the next."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, cast

from retinue.errors import SettingsError

from ._files import check_known, line_of, parse_env, parse_toml
from ._kinds import Kind
from ._places import config_file, trust_file
from ._secret import Secret
from ._settings import ENDPOINT, OPTIONS, Endpoint, Layer, Origin, Settings, Source
from ._trust import Project, Trusted, find_project

_OURS: Final = {option.variables[0] for option in OPTIONS}
_KNOWN: Final = {"models", *[option.name for option in OPTIONS]}


def load(*, flags: Mapping[str, str], environ: Mapping[str, str], folder: Path | None) -> Settings:
    """Gather the settings.

    Args:
        flags: What was said on the command line, by the names of the settings.
        environ: The variables of this process.
        folder: Where we are; the project is looked for from here upwards.

    Raises:
        SettingsError: Something is set to what it cannot be, or a file is broken; it says where.
    """
    user, user_sources = _from_user(config_file(environ))
    trusted = Trusted(trust_file(environ))
    project = find_project(folder, trusted) if folder is not None else None
    table, variables, project_sources = _from_project(project, trusted)
    env_file = project.folder / ".env" if project is not None else None
    found = {
        **user,
        **table,
        **_from_variables(variables, env_file),
        **_from_variables(environ, None),
        **_from_flags(flags),
    }
    everything = {**variables, **environ}
    values: dict[str, Any] = {}
    models: dict[str, Endpoint] = {}
    for name, each in found.items():
        match each.value(everything):
            case Endpoint() as endpoint:
                models[name.removeprefix("models.")] = endpoint
            case value:
                values[name] = value
    return Settings(
        **values,
        models=MappingProxyType(models),
        origins=MappingProxyType({name: each.origin for name, each in found.items()}),
        sources=(*project_sources, *user_sources),
        ignored=tuple([v for v in environ if v.startswith("RETINUE_") and v not in _OURS]),
    )


@dataclass(frozen=True, slots=True)
class _Written:
    """A value as somebody wrote it, not read yet: only the strongest is."""

    origin: Origin
    subject: str
    """What an error is about: "TEMPERATURE", "/path/retinue.toml:3: temperature"."""
    raw: Any
    kind: Kind
    read: Callable[[Any], Any]
    hint: str

    def value(self, environ: Mapping[str, str]) -> Any:
        try:
            value = self.read(self.raw)
        except ValueError:
            shown = "" if self.kind.hidden else f", not {self.raw!r}"
            raise SettingsError(
                f"{self.subject} must be {self.kind.expects}{shown}", hint=self.hint
            ) from None
        if not isinstance(value, Secret):
            return value
        if not value.reference and self.origin.layer == "environment":
            value = Secret(f"env:{self.origin.where}", value.value)
        return value.resolved(environ)


@dataclass(frozen=True, slots=True)
class _WrittenEndpoint:
    """A table `[models.<name>]`, not read yet."""

    origin: Origin
    parts: Mapping[str, _Written] = field(default_factory=dict[str, _Written])

    def value(self, environ: Mapping[str, str]) -> Endpoint:
        return Endpoint(**{name: part.value(environ) for name, part in self.parts.items()})


type _Layer = Mapping[str, _Written | _WrittenEndpoint]


def _from_flags(flags: Mapping[str, str]) -> _Layer:
    found: dict[str, _Written] = {}
    for option in OPTIONS:
        if option.name in flags:
            flag, kind = f"--{option.name.replace('_', '-')}", option.kind
            found[option.name] = _Written(
                Origin("flag", flag), flag, flags[option.name], kind, kind.of_text, "See --help."
            )
    return found


def _from_variables(variables: Mapping[str, str], file: Path | None) -> _Layer:
    """What variables say, a RETINUE_ one before the others; an empty one says nothing."""
    found: dict[str, _Written] = {}
    for option in OPTIONS:
        name = next((name for name in option.variables if variables.get(name)), None)
        if name is None:
            continue
        origin = Origin("project", f"{file}: {name}") if file else Origin("environment", name)
        hint = f"Change it, or set {option.variables[0]}, which wins over all others."
        found[option.name] = _Written(
            origin, origin.where, variables[name], option.kind, option.kind.of_text, hint
        )
    return found


def _from_user(path: Path | None) -> tuple[_Layer, tuple[Source, ...]]:
    if path is None:
        return {}, ()
    try:
        raw = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return {}, (Source("user", path, "absent"),)
    except OSError as error:
        raise SettingsError(
            f"{path} cannot be read: {error.strerror}",
            hint="Make it a file that you may read, or remove it.",
        ) from error
    return _from_toml(raw, "user", path), (Source("user", path, "read"),)


def _from_project(
    project: Project | None, trusted: Trusted
) -> tuple[_Layer, Mapping[str, str], tuple[Source, ...]]:
    """What the project's files say, if they are trusted; and which there are."""
    if project is None:
        return {}, {}, ()
    state = trusted.state(project)
    present = [name for name in ("retinue.toml", ".env") if name in project.files]
    if state != "trusted":
        return {}, {}, tuple([Source("project", project.folder / n, state) for n in present])
    table: _Layer = {}
    variables: Mapping[str, str] = {}
    if "retinue.toml" in present:
        path = project.folder / "retinue.toml"
        table = _from_toml(project.files["retinue.toml"], "project", path)
    if ".env" in present:
        variables = parse_env(project.files[".env"], project.folder / ".env")
    return table, variables, tuple([Source("project", project.folder / n, "read") for n in present])


def _from_toml(raw: bytes, layer: Layer, path: Path) -> _Layer:
    table = parse_toml(raw, path)
    check_known(table, _KNOWN, raw, path, "setting")
    origin = Origin(layer, str(path))
    found: dict[str, _Written | _WrittenEndpoint] = {}
    for option in OPTIONS:
        if option.name in table:
            place = line_of(option.name, raw, path)
            found[option.name] = _in_file(origin, place, option.name, table, option.kind)
    for name, parts in _endpoints(table, raw, path).items():
        place = line_of(name, raw, path)
        found[f"models.{name}"] = _WrittenEndpoint(
            origin,
            {key: _in_file(origin, place, key, parts, ENDPOINT[key]) for key in parts},
        )
    return found


def _in_file(
    origin: Origin, place: str, name: str, table: Mapping[str, Any], kind: Kind
) -> _Written:
    hint = f"Mend {origin.where}."
    return _Written(origin, f"{place}: {name}", table[name], kind, kind.of_value, hint)


def _endpoints(table: Mapping[str, Any], raw: bytes, path: Path) -> Mapping[str, Mapping[str, Any]]:
    """The tables `[models.<name>]`, with the keys they need and no other."""
    hint = 'Write [models.lab] and below it base_url = "http://..." and model = "...".'
    endpoints = table.get("models", {})
    if not isinstance(endpoints, dict):
        raise SettingsError(f"{line_of('models', raw, path)}: models is no table", hint=hint)
    for name, parts in cast("dict[str, Any]", endpoints).items():
        place = line_of(name, raw, path)
        if not isinstance(parts, dict) or ":" in name:
            raise SettingsError(f"{place}: models.{name} is no endpoint", hint=hint)
        check_known(cast("dict[str, Any]", parts), ENDPOINT, raw, path, "key of an endpoint,")
        missing = [key for key in ("base_url", "model") if key not in parts]
        if missing:
            raise SettingsError(f"{place}: models.{name} has no {missing[0]}", hint=hint)
    return cast("dict[str, dict[str, Any]]", endpoints)
