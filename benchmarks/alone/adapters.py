"""What our adapters cost beside the vendors' own packages: `uv run --group vendors
benchmarks/alone/adapters.py`.

Each contender streams the same answer from `retinue mock-llm`, each round in a new process, the
contenders in turn. `token` is the CPU of each piece of the answers after the first, the median; `x`
is ours by theirs. `first` is the CPU of the process from its start to the first piece of an answer,
imports included: the least of all rounds, for whatever disturbs a start makes it dearer. Of theirs
it is measured in a process that has imported Retinue, too; what ours takes beyond that is what our
first token adds.
"""

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

ROUNDS, ANSWERS, TOKENS = 7, 2, 3000
PAIRS = {
    "anthropic": ("anthropic_sdk", "anthropic"),
    "openai, Responses": ("openai_sdk", "openai"),
    "openai, Chat Completions": ("openai_chat_sdk", "openai_chat"),
    "gemini": ("gemini_sdk", "gemini"),
}


def ours(name: str, **where: str):
    from retinue.messages import Message
    from retinue.models import ChatRequest, find_model

    model = find_model(name, api_key="key", **where)
    request = ChatRequest(messages=(Message("Go on"),))

    async def pieces() -> AsyncIterator[str]:
        async with model.chat(request) as chunks:
            async for chunk in chunks:
                if chunk.text:
                    yield chunk.text

    return pieces


def anthropic(url: str):
    return ours("anthropic:claude-sonnet-5-5", base_url=url)


def openai(url: str):
    return ours("openai:gpt-6-sol", base_url=f"{url}/v1")


def openai_chat(url: str):
    return ours("openai:gpt-6-sol", base_url=f"{url}/v1", api="chat")


def gemini(url: str):
    return ours("gemini:gemini-4-argon", base_url=url)


def anthropic_sdk(url: str):
    from anthropic import AsyncAnthropic

    client = AsyncAnthropic(base_url=url, api_key="key", max_retries=0)

    async def pieces() -> AsyncIterator[str]:
        stream = await client.messages.create(
            model="claude-sonnet-5-5",
            max_tokens=9999,
            messages=[{"role": "user", "content": "Go on"}],
            stream=True,
        )
        async for event in stream:
            if event.type == "content_block_delta" and event.delta.type == "text_delta":
                yield event.delta.text

    return pieces


def openai_sdk(url: str):
    from openai import AsyncOpenAI

    client = AsyncOpenAI(base_url=f"{url}/v1", api_key="key", max_retries=0)

    async def pieces() -> AsyncIterator[str]:
        async for event in await client.responses.create(
            model="gpt-6-sol", input="Go on", stream=True
        ):
            if event.type == "response.output_text.delta":
                yield event.delta

    return pieces


def openai_chat_sdk(url: str):
    from openai import AsyncOpenAI

    client = AsyncOpenAI(base_url=f"{url}/v1", api_key="key", max_retries=0)

    async def pieces() -> AsyncIterator[str]:
        async for chunk in await client.chat.completions.create(
            model="gpt-6-sol", messages=[{"role": "user", "content": "Go on"}], stream=True
        ):
            if chunk.choices and chunk.choices[0].delta.content:
                yield chunk.choices[0].delta.content

    return pieces


def gemini_sdk(url: str):
    from google import genai
    from google.genai import types

    client = genai.Client(api_key="key", http_options=types.HttpOptions(base_url=url))

    async def pieces() -> AsyncIterator[str]:
        async for chunk in await client.aio.models.generate_content_stream(
            model="gemini-4-argon", contents="Go on"
        ):
            if chunk.text:
                yield chunk.text

    return pieces


async def work(contender: str, url: str) -> dict[str, float]:
    import retinue.messages
    import retinue.models  # noqa: F401 - what a program has that asks any model

    pieces = globals()[contender](url)
    first = 0.0
    async for _ in pieces():
        first = first or time.process_time()
    before, seen = time.process_time(), 0
    for _ in range(ANSWERS):
        async for _ in pieces():
            seen += 1
    if seen != ANSWERS * TOKENS:
        raise SystemExit(f"{contender} saw {seen} pieces, not {ANSWERS * TOKENS}")
    return {"first": 1e3 * first, "token": 1e6 * (time.process_time() - before) / seen}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "script.json")
        script.write_text(json.dumps({"*": ["word " * TOKENS]}))
        serve = [sys.executable, "-m", "retinue", "mock-llm", str(script), "--port", "0"]
        with subprocess.Popen(
            serve, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as server:
            assert server.stdout is not None
            url = server.stdout.readline().split("OLLAMA_HOST=")[1].split()[0]
            found = measured(url)
            server.terminate()
    print(f"{'':<26}{'token, us':>22}{'first token, ms':>26}")
    for name, (theirs, mine) in PAIRS.items():
        row = f"{name:<26}"
        bare, own = (statistics.median(found[each]["token"]) for each in (theirs, mine))
        row += f"{f'{bare:.1f} / {own:.1f}  x{own / bare:.2f}':>22}"
        bare, own = (min(found[each]["first"]) for each in (theirs, mine))
        row += f"{f'{bare:.0f} / {own:.0f}  {own - bare:+.0f}':>26}"
        print(row)
    print(json.dumps(found))


def measured(url: str) -> dict[str, dict[str, list[float]]]:
    found = {one: {"first": [], "token": []} for pair in PAIRS.values() for one in pair}
    for _ in range(ROUNDS):
        for contender, figures in found.items():
            said = subprocess.check_output([sys.executable, __file__, contender, url], text=True)
            for what, figure in json.loads(said).items():
                figures[what].append(figure)
    return found


if __name__ == "__main__":
    if sys.argv[1:]:
        print(json.dumps(asyncio.run(work(*sys.argv[1:]))))
    else:
        main()
