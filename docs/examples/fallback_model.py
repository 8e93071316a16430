"""Another model answers where the first is overloaded. A server for tests stands in for both."""

from retinue import assistant, run
from retinue.models import find_model
from retinue.models.fallback import Fallback
from retinue.testing import MockLLM
from retinue.testing.mock_llm import Refusal


async def main() -> tuple[str, str]:
    async with MockLLM() as server:
        server.script("large", Refusal(529, "overloaded"))
        server.script("small", "Good evening.")
        large, small = [
            find_model(f"compatible:{name}", base_url=server.url, retries=0)
            for name in ("large", "small")
        ]
        host = assistant("host", model=Fallback(large, small))
        [message] = await host.inquire("Good evening")
        return message.text, message.model


if __name__ == "__main__":
    print(*run(main), sep="\n")
