"""What an error of a model says: what happened, and what to do next."""

from retinue import assistant, run
from retinue.errors import ModelError
from retinue.models import find_model
from retinue.testing import MockLLM
from retinue.testing.mock_llm import Refusal


async def main() -> tuple[str, str | None]:
    async with MockLLM() as server:
        server.script("qwen3", Refusal(404, "model 'qwen3' not found"))
        host = assistant("host", model=find_model("ollama:qwen3", base_url=server.url))
        try:
            await host.inquire("Good evening")
        except ModelError as error:
            return str(error), error.hint
    raise AssertionError("it was refused")


if __name__ == "__main__":
    print(*run(main), sep="\n")
