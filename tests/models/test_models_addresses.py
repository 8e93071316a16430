"""Addresses, as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retinue.errors import ModelRejected
from retinue.models._addresses import base_url_of, ollama_at, place_of


@pytest.mark.parametrize(
    ("written", "base_url"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/v1"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/v1"),
        ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1"),
        (" http://lab/v1/ ", "http://lab/v1"),
        ("https://openrouter.ai/api/v1", "https://openrouter.ai/api/v1"),
        ("http://[::1]:8080/v1", "http://[::1]:8080/v1"),
        ("https://lab", "https://lab/v1"),
    ],
)
def test_a_base_url_has_a_version(written: str, base_url: str) -> None:
    assert base_url_of(written) == base_url


# envconfig.Host of ollama/ollama, and its tests
@pytest.mark.parametrize(
    ("host", "address"),
    [
        (None, "http://127.0.0.1:11434"),
        ("", "http://127.0.0.1:11434"),
        ("  ", "http://127.0.0.1:11434"),
        ("1.2.3.4", "http://1.2.3.4:11434"),
        (":1234", "http://127.0.0.1:1234"),
        ("1.2.3.4:1234", "http://1.2.3.4:1234"),
        ("example.com", "http://example.com:11434"),
        ("http://1.2.3.4", "http://1.2.3.4:80"),
        ("https://1.2.3.4", "https://1.2.3.4:443"),
        ("https://1.2.3.4:1234", "https://1.2.3.4:1234"),
        ("http://example.com/ollama/", "http://example.com:80/ollama"),
        ("[::1]", "http://[::1]:11434"),
        ("[::1]:1337", "http://[::1]:1337"),
        ('"1.2.3.4"', "http://1.2.3.4:11434"),
        (" 1.2.3.4 ", "http://1.2.3.4:11434"),
        # it listens there; where it is called is another matter (envconfig.ConnectableHost)
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("0.0.0.0:1234", "http://127.0.0.1:1234"),
        ("[::]:1234", "http://[::1]:1234"),
        ("ollama.com", "https://ollama.com"),
    ],
)
def test_the_host_of_ollama_is_read_as_ollama_reads_it(host: str | None, address: str) -> None:
    assert ollama_at(host) == address


@pytest.mark.parametrize(
    "written", ["lab:8080", "ftp://lab", "http://", "http://lab:port", "http://lab:99999", "", "v1"]
)
def test_what_is_no_base_url_is_refused(written: str) -> None:
    with pytest.raises(ModelRejected, match="is no address") as caught:
        base_url_of(written)
    assert "http://127.0.0.1:8080" in (caught.value.hint or "")


@pytest.mark.parametrize("host", ["ftp://lab", "lab:port", "lab:99999", "lab:0", "[::1"])
def test_what_is_no_host_of_ollama_is_refused(host: str) -> None:
    with pytest.raises(ModelRejected, match="is no address"):
        ollama_at(host)


@pytest.mark.parametrize(
    "address",
    [
        "http://ada:hunter2@lab/v1",
        "http://hunter2@lab/v1",
        "http://lab/v1?key=hunter2",
        "http://lab/v1#hunter2",
        "http://ada:hunter2@[lab/v1",
    ],
)
def test_an_address_with_a_secret_in_it_is_refused_and_not_repeated(address: str) -> None:
    for read in (base_url_of, ollama_at):
        with pytest.raises(ModelRejected, match="with a password or a query") as caught:
            read(address)
        assert "hunter2" not in f"{caught.value!r} {caught.value.hint}"


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("http://lab:8080/v1", ("lab", 8080)),
        ("http://lab", ("lab", 80)),
        ("https://lab", ("lab", 443)),
        ("http://[::1]:1", ("::1", 1)),
    ],
)
def test_the_place_of_an_address(address: str, place: tuple[str, int]) -> None:
    assert place_of(address) == place


@given(st.text() | st.from_regex(r"https?://[^ ]*"))
def test_anything_is_an_address_or_refused(written: str) -> None:
    for read in (base_url_of, ollama_at):
        try:
            address = read(written)
        except ModelRejected:
            continue
        assert address.startswith(("http://", "https://"))
        place_of(address)
