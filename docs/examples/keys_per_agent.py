"""Two agents at one server, each with a key of its own. A server for tests stands in for it."""

from retinue import assistant, run
from retinue.models import find_model
from retinue.testing import MockLLM


async def main() -> list[str]:
    async with MockLLM() as server:
        writer, critic = [
            assistant(name, model=find_model("compatible:qwen3", base_url=server.url, api_key=key))
            for name, key in (("writer", "key-of-writer"), ("critic", "key-of-critic"))
        ]
        await critic.inquire(writer.inquire("A haiku about rain"))
        return [request.headers["authorization"] for request in server.requests]


if __name__ == "__main__":
    print(run(main))
