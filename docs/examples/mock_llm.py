"""A server that refuses once, and then answers."""

from retinue import assistant
from retinue.models import find_model
from retinue.testing import MockLLM
from retinue.testing.mock_llm import Answer, Refusal


async def main() -> str:
    async with MockLLM() as mock:
        mock.script("tiny", Refusal(429, retry_after=0.1), Answer(["Hel", "lo."]))
        model = find_model("ollama:tiny", base_url=mock.url)
        answer = await assistant("host", model=model).inquire("Hello?")
        assert [request.status for request in mock.asked("tiny")] == [429, 200]
        return str(answer)
