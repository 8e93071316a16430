"""Retinue as a contender of the overhead benchmark (its README says what each function is for).

Written with public names only; every call is a real turn. `JOURNAL=1` in the environment measures
the same with a journal in memory listening.
"""

import os
from contextlib import nullcontext

from script import NAMES, SYSTEM, TASK, TOOL_TASK, add, reply

PACKAGES = ["retinue"]


def fake(tools=0):
    from retinue.messages import ToolCall
    from retinue.models import ChatChunk

    class Fake:
        name, calls = "fake", 0

        def chat(self, request):
            self.last, self.calls = request, self.calls + 1
            return self

        async def __aenter__(self):
            return self.chunks(self.calls)

        async def __aexit__(self, *_):
            pass

        async def chunks(self, call):
            if call <= tools:
                asked = ToolCall(id=f"c{call}", name="add", args={"x": call})
                yield ChatChunk(tool_call=asked, stop="tool_calls")
            else:
                yield ChatChunk(text=reply(call), stop="end")

    return Fake()


def journal():
    if not os.environ.get("JOURNAL"):
        return nullcontext()
    from retinue.testing import MemoryJournal

    return MemoryJournal().listening()


async def cold():
    from retinue import Scope, assistant

    async with Scope():
        return str(await assistant("ann", model=fake(), system=SYSTEM).inquire(TASK))


async def turns(n):
    from retinue import Message, Messages, Scope, assistant

    model = fake()
    agents = [assistant(name, model=model, system=f"You are {name}.") for name in NAMES]

    listening = journal()

    async def go():
        async with Scope():
            with listening:
                said = Messages([Message(TASK)])
                for i in range(n):
                    said += await agents[i % 3].inquire(said)
        return model.calls, model.last

    return go


async def tools(n):
    from retinue import Scope, assistant

    model = fake(tools=n)
    agent = assistant("ann", model=model, system=SYSTEM, tools=[add], max_steps=n + 1)

    listening = journal()

    async def go():
        async with Scope():
            with listening:
                replies = await agent.inquire(TOOL_TASK)
        return model.calls, replies[-1].text

    return go


async def ping(n):
    from retinue import Message, Scope, agent

    @agent
    async def server(turn):
        for message in await turn.messages:
            turn.reply(Message(value=message.value + 1))

    listening = journal()

    async def go():
        total = 0
        async with Scope():
            with listening:
                for i in range(n):
                    total += (await server.inquire(Message(value=i)))[0].value - i
        return total

    return go


async def fan(n, width):
    """One stream of n pieces, which `width` agents read while it is written."""
    import asyncio

    from retinue import MessagePromise, Scope, StreamAppender, agent

    seen = [0]

    @agent
    async def subscriber(turn, number):
        async for promise in turn.messages:
            async for _ in promise:
                seen[0] += 1

    agents = [subscriber.fork(name=f"s{k}", number=k) for k in range(width)]

    async def go():
        seen[0] = 0
        async with Scope():
            with StreamAppender() as stream:
                message = MessagePromise(stream)
                for one in agents:
                    one.inquire(message)
                for _ in range(n):
                    stream.append("tok ")
                    await asyncio.sleep(0)  # each piece is on its way before the next is made
        return seen[0]

    return go


async def chat(url):
    """Conversations with an assistant whose model is behind an address of one's own."""
    from retinue import Message, Messages, assistant
    from retinue.models import find_model

    model = find_model("compatible:m", base_url=url)
    agent = assistant("ann", model=model, system=SYSTEM)

    def conversation():
        said = Messages()

        async def say(text):
            nonlocal said
            said += (Message(text),)
            replies = agent.inquire(said)
            async for message in replies:
                async for token in message:
                    yield token
            said += await replies

        return say

    return conversation
