"""Keys in the keyring: asked for when they are needed, and missed politely."""

import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

from retinue.errors import MissingExtra, SettingsError
from retinue.settings import Secret, Settings, load
from retinue.settings._keyring import _found
from retinue.settings.keeping import keep_key, key_places


class Backend:
    """A keyring as the package `keyring` has them, in memory."""

    priority = 5.0

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}
        self.asked = 0
        self.error: Exception | None = None

    def get_password(self, service: str, username: str) -> str | None:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        if self.error is not None:
            raise self.error
        self.kept[service, username] = password


def test_a_key_is_kept_and_found_again(backend: Backend) -> None:
    place = next(key_places("lab", {}))
    assert place == "keyring:retinue/lab"
    keep_key(Secret(place, "lab-0123456789abcdef"))
    assert backend.kept == {("retinue", "lab"): "lab-0123456789abcdef"}
    assert Secret(place).reveal() == "lab-0123456789abcdef"


def test_it_is_asked_once_and_only_when_the_key_is_needed(backend: Backend) -> None:
    backend.kept["https://lab/api", "me"] = "lab-0123456789abcdef"
    variable = {"OPENAI_API_KEY": "keyring:https://lab/api/me"}
    key = load(flags={}, environ=variable, folder=None).openai_api_key
    assert key is not None
    assert f"{key} {key!r}" == (
        "keyring:https://lab/api/me <Secret keyring:https://lab/api/me keyring:https://lab/api/me>"
    )
    assert backend.asked == 0
    assert Settings(openai_api_key=key).secrets() == {"lab-0123456789abcdef": "lab-…cdef"}
    assert key.reveal() == "lab-0123456789abcdef"
    assert backend.asked == 1


def test_a_key_that_is_not_there_is_said(backend: Backend) -> None:
    with pytest.raises(SettingsError, match="There is no key retinue/lab in the keyring") as caught:
        Secret("keyring:retinue/lab").reveal()
    assert caught.value.hint == "keyring set retinue lab"


def test_a_locked_keyring_is_said_in_one_line(backend: Backend) -> None:
    backend.error = RuntimeError("Failed to unlock the collection! Try it. Then\nmore")
    with pytest.raises(SettingsError) as caught:
        Secret("keyring:retinue/lab").reveal()
    assert str(caught.value) == (
        "The keyring does not answer: Failed to unlock the collection! Try it"
    )
    assert "Unlock it" in (caught.value.hint or "")
    with pytest.raises(SettingsError, match="does not answer"):
        keep_key(Secret("keyring:retinue/lab", "key"))
    backend.error = OSError()
    with pytest.raises(SettingsError, match="does not answer: OSError"):
        Secret("keyring:retinue/lab").reveal()


def test_a_keyring_that_keeps_nothing_is_none(backend: Backend) -> None:
    backend.priority = 0
    assert list(key_places("lab", {})) == []


def test_without_the_package_its_name_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    secret = Secret("keyring:retinue/lab")
    with pytest.raises(MissingExtra) as caught:
        secret.reveal()
    assert caught.value.hint == "pip install 'retinue[keyring]'"
    assert Settings(openai_api_key=secret).secrets() == {}
    assert list(key_places("lab", {})) == []


@pytest.mark.parametrize("reference", ["keyring:", "keyring:lab", "keyring:/lab", "keyring:lab/"])
def test_a_reference_says_service_and_name(reference: str) -> None:
    with pytest.raises(SettingsError, match=r"OPENAI_API_KEY must be a reference .*SERVICE/NAME"):
        load(flags={}, environ={"OPENAI_API_KEY": reference}, folder=None)


def test_the_real_package_is_understood() -> None:
    keyring = pytest.importorskip("keyring")

    class Real(Backend, keyring.backend.KeyringBackend):
        pass

    before = keyring.get_keyring()
    keyring.set_keyring(Real())
    try:
        keep_key(Secret(next(key_places("lab", {})), "lab-0123456789abcdef"))
        assert Secret("keyring:retinue/lab").reveal() == "lab-0123456789abcdef"
        keyring.set_keyring(keyring.backends.fail.Keyring())
        with pytest.raises(SettingsError, match="No recommended backend"):
            Secret("keyring:retinue/other").reveal()
        assert list(key_places("lab", {})) == []
    finally:
        keyring.set_keyring(before)


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> Backend:
    """The package, as far as we use it."""
    backend, package = Backend(), ModuleType("keyring")
    vars(package).update(
        get_keyring=lambda: backend,
        get_password=backend.get_password,
        set_password=backend.set_password,
    )
    monkeypatch.setitem(sys.modules, "keyring", package)
    return backend


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    _found.cache_clear()
    yield
    _found.cache_clear()
