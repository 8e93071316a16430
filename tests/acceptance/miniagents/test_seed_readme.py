"""What the user's README (seed 004) names and shows, as black-box cases (own code).

The README mixes three revisions of the library, so no release has all of it; the successor is asked for all of it.
"""
import asyncio, importlib, io, contextlib
import pytest
from impl_api import IMPL

seed = pytest.mark.seed

NAMES = """:miniagent :InteractionContext :MiniAgents :run
.miniagents:MiniAgents .miniagents:miniagent .miniagents:InteractionContext .miniagents:MiniAgent
.messages:Message .messages:MessagePromise .messages:MessageSequencePromise
.promising.promising:Promise .promising.promising:StreamedPromise .promising.promising:StreamAppender
.promising.sentinels:AWAIT .utils:achain_loop .utils:adialog_loop .utils:join_messages .utils:split_messages
.ext.llm.openai:openai_agent .ext.llm.anthropic:anthropic_agent
.ext.llm.llm_common:UserMessage .ext.llm.llm_common:SystemMessage .ext.llm.llm_common:AssistantMessage
.ext.history_agents:ChatHistoryMD .ext.chat_history_md:ChatHistoryMD .ext.misc_agents:console_user_agent
.ext.console_user_agent:""".split()


def load(request, path):
    mod, _, name = path.partition(":")
    m = importlib.import_module(IMPL + mod)
    return getattr(m, name) if name else m


@seed
@pytest.mark.parametrize("path", NAMES)
def test_name_exists(request, path):
    load(request, path)


@seed
def test_first_example_says_what_the_readme_says(request, capsys):
    """`async for message in ctx.message_promises: ctx.reply(f"You said: {message}")` and `print(await ...inquire(...))`."""
    miniagent, MiniAgents = load(request, ":miniagent"), load(request, ":MiniAgents")

    @miniagent
    async def my_agent(ctx):
        async for message in ctx.message_promises:
            ctx.reply(f"You said: {message}")

    async def main():
        async with MiniAgents():
            reply = await my_agent.inquire("Hello!")
            print(reply)
    asyncio.run(main())
    assert capsys.readouterr().out.strip() == "You said: Hello!"


@seed
def test_agent_asked_with_the_replies_of_another(request):
    miniagent, MiniAgents = load(request, ":miniagent"), load(request, ":MiniAgents")

    @miniagent
    async def agent1(ctx):
        ctx.reply("Hello from Agent 1!")

    @miniagent
    async def agent2(ctx):
        message = await ctx.message_promises
        ctx.reply(f"Agent 2 received: {message[0].text}")

    async def main():
        async with MiniAgents():
            got = await agent2.inquire(agent1.inquire())
            assert len(got) == 1 and got[0].text == "Agent 2 received: Hello from Agent 1!"
    asyncio.run(main())


@seed
def test_run_takes_a_promise_made_outside(request):
    miniagent, MiniAgents = load(request, ":miniagent"), load(request, ":MiniAgents")

    @miniagent
    async def agent(ctx):
        ctx.reply("x")
    assert str(MiniAgents().run(agent.inquire("Hello"))[0]) == "x"


@seed
def test_roles_and_custom_fields(request):
    U, S, Z = (load(request, f".ext.llm.llm_common:{n}Message") for n in ("User", "System", "Assistant"))
    assert [m(text="t").role for m in (U, S, Z)] == ["user", "system", "assistant"]
    Message = load(request, ".messages:Message")

    class CustomMessage(Message):
        custom_field: str
    m = CustomMessage(text="Hello", custom_field="Custom Value")
    assert (m.text, m.custom_field) == ("Hello", "Custom Value")


@seed
def test_join_and_split(request):
    MiniAgents = load(request, ":MiniAgents")
    join, split = load(request, ".utils:join_messages"), load(request, ".utils:split_messages")

    async def main():
        async with MiniAgents():
            assert (await join(["Hello", "World"], delimiter=" ").aresolve()).text == "Hello World"
            assert [m.text for m in await split("Hello\n\nworld")] == ["Hello", "world"]
            assert [m.text for m in await split("a\n\nb\n\nc\n\nd")] == ["a", "b", "c", "d"]    # whole text at once, too
            code = "x\n\n```\n1\n\n2\n```\n\ny"
            assert [m.text.strip() for m in await split(code)] == ["x", "```\n1\n\n2\n```", "y"]
    asyncio.run(main())


@seed
def test_achain_loop_needs_await_and_takes_turns(request):
    miniagent, MiniAgents = load(request, ":miniagent"), load(request, ":MiniAgents")
    achain_loop, AWAIT = load(request, ".utils:achain_loop"), load(request, ".promising.sentinels:AWAIT")
    log = []

    @miniagent
    async def user(ctx):
        log.append([m.text for m in await ctx.message_promises])
        if len(log) == 3:
            raise KeyboardInterrupt
        ctx.reply(f"q{len(log)}")

    @miniagent
    async def assistant(ctx):
        ctx.reply(f"a to {(await ctx.message_promises)[-1].text}")

    async def main():
        async with MiniAgents():
            with pytest.raises(ValueError):
                await achain_loop([user, assistant])
            with pytest.raises(KeyboardInterrupt):
                await achain_loop([user, AWAIT, assistant])
    asyncio.run(main())
    assert log == [[], ["a to q1"], ["a to q2"]]


@seed
def test_markdown_history_survives_a_round_trip(request, tmp_path):
    MiniAgents, ChatHistoryMD = load(request, ":MiniAgents"), load(request, ".ext.history_agents:ChatHistoryMD")
    U, Z = (load(request, f".ext.llm.llm_common:{n}Message") for n in ("User", "Assistant"))

    async def main():
        async with MiniAgents():
            h = ChatHistoryMD(tmp_path / "CHAT.md")
            await h.logging_agent.inquire([U(text="hi"), Z(text="# not a heading of ours\n\nyo", model="m-1")])
        async with MiniAgents():
            got = await ChatHistoryMD(tmp_path / "CHAT.md").aload_chat_history()
            assert [(m.role, m.text) for m in got] == [("user", "hi"), ("assistant", "# not a heading of ours\n\nyo")]
            assert got[1].model == "m-1"
    asyncio.run(main())


@seed
def test_agent_stopped_by_keyboard_interrupt_does_not_hang_its_reader(request):
    miniagent, MiniAgents = load(request, ":miniagent"), load(request, ":MiniAgents")

    @miniagent
    async def agent(ctx):
        ctx.reply("one")
        raise KeyboardInterrupt

    async def main():
        async with MiniAgents():
            with pytest.raises(KeyboardInterrupt):
                await agent.inquire()
    asyncio.run(main())
