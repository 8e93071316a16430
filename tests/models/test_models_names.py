"""Names: whose a model is, and what does the work of one that cannot be had any more."""

import pytest

from retinue.models._names import today, whole


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("gpt-6.1-sol", "openai:gpt-6.1-sol"),
        ("gpt-4", "openai:gpt-4"),
        ("o3", "openai:o3"),
        ("o4-mini", "openai:o4-mini"),
        ("chatgpt-4o-latest", "openai:chatgpt-4o-latest"),
        ("chat-latest", "openai:chat-latest"),
        ("claude-sonnet-5-5", "anthropic:claude-sonnet-5-5"),
        ("gemini-3.8-flash", "gemini:gemini-3.8-flash"),
        ("openai:gpt-4", "openai:gpt-4"),
        ("ollama:gpt-oss:20b", "ollama:gpt-oss:20b"),
        ("compatible:gpt-4", "compatible:gpt-4"),
        ("demo", "demo"),
        ("llama3.2", "llama3.2"),
        ("llama3.2:1b", "llama3.2:1b"),
        ("olmo", "olmo"),
        ("my-gpt-4", "my-gpt-4"),
        ("", ""),
        (":", ":"),
    ],
)
def test_a_name_that_says_whose_it_is_gets_its_provider(name: str, full: str) -> None:
    assert whole(name) == full


SOL, TERRA, LUNA = "openai:gpt-6.1-sol", "openai:gpt-6.1-terra", "openai:gpt-6-luna"
OPUS, SONNET, HAIKU = [f"anthropic:claude-{kind}-5-5" for kind in ("opus", "sonnet", "haiku")]


# https://developers.openai.com/api/docs/deprecations and
# https://platform.claude.com/docs/en/about-claude/model-deprecations and
# https://ai.google.dev/gemini-api/docs/deprecations, as of November 2026
@pytest.mark.parametrize(
    ("name", "successor"),
    [
        ("openai:gpt-4", SOL),
        ("openai:gpt-4-0613", SOL),
        ("openai:gpt-4-32k-0314", SOL),
        ("openai:gpt-4-turbo", SOL),
        ("openai:gpt-4-turbo-preview", SOL),
        ("openai:gpt-4-turbo-2024-04-09", SOL),
        ("openai:gpt-4-1106-preview", SOL),
        ("openai:gpt-4-0125-preview", SOL),
        ("openai:gpt-4-vision-preview", SOL),
        ("openai:gpt-4-1106-vision-preview", SOL),
        ("openai:gpt-4.5-preview", SOL),
        ("openai:chatgpt-4o-latest", SOL),
        ("openai:gpt-4o-2024-05-13", SOL),
        ("openai:o1", SOL),
        ("openai:o1-preview", SOL),
        ("openai:o1-pro-2025-03-19", SOL),
        ("openai:o1-mini", TERRA),
        ("openai:o3-mini", TERRA),
        ("openai:o4-mini-2025-04-16", TERRA),
        ("openai:gpt-3.5-turbo", LUNA),
        ("openai:gpt-3.5-turbo-0125", LUNA),
        ("openai:gpt-3.5-turbo-16k-0613", LUNA),
        ("openai:gpt-4.1-nano", LUNA),
        ("gemini:gemini-pro", "gemini:gemini-4-argon"),
        ("gemini:gemini-1.5-pro-002", "gemini:gemini-4-argon"),
        ("gemini:gemini-2.0-flash-001", "gemini:gemini-3.8-flash"),
        ("gemini:gemini-2.0-flash-lite", "gemini:gemini-3.5-flash-lite"),
        ("anthropic:claude-3-opus-20240229", OPUS),
        ("anthropic:claude-3-opus-latest", OPUS),
        ("anthropic:claude-3-sonnet-20240229", SONNET),
        ("anthropic:claude-3-5-sonnet-20241022", SONNET),
        ("anthropic:claude-3.5-sonnet", SONNET),
        ("anthropic:claude-3-7-sonnet-latest", SONNET),
        ("anthropic:claude-3-haiku-20240307", HAIKU),
        ("anthropic:claude-3-5-haiku-20241022", HAIKU),
    ],
)
def test_what_was_shut_down_has_a_successor(name: str, successor: str) -> None:
    assert today(name) == successor
    assert today(successor) == successor


@pytest.mark.parametrize(
    "name",
    [
        "openai:gpt-4o",
        "openai:gpt-4o-mini",
        "openai:gpt-4.1",
        "openai:gpt-4.1-mini",
        "openai:o3",
        "openai:gpt-5",
        "openai:gpt-6-sol",
        "anthropic:claude-haiku-4-5",
        "anthropic:claude-sonnet-5-5",
        "ollama:gpt-4",
        "compatible:gpt-4",
        "compatible:claude-3-opus",
        "demo",
    ],
)
def test_what_can_be_had_is_itself(name: str) -> None:
    assert today(name) == name
