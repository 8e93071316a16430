"""Finds the public names of a promise/agent library, whatever release or re-implementation it is (own code).

Old and new MiniAgents names are treated as aliases, so one bench / one acceptance file runs on all of them:
inquire|trigger, initiate_inquiry|initiate_call, start_asap|start_soon, on_persist_message(s), text|content,
preliminary_metadata|known_beforehand, join_messages|as_single_text_promise ...
"""
import importlib
import inspect
import os

IMPL = os.environ.get("IMPL", "retinue.dialects.miniagents")

_PLACES = ("", ".promising.promising", ".promising.sequence", ".promising.ext.frozen", ".promising.errors",
           ".messages", ".miniagents", ".utils", ".ext", ".ext.agent_aggregators", ".ext.agents.aggregator_agents")


class Api:
    def __init__(self, modname="miniagents"):
        self.modname = modname
        self._mods = []
        for p in _PLACES:
            try:
                self._mods.append(importlib.import_module(modname + p))
            except ImportError:
                pass
        g = self.get
        self.MiniAgents, self.miniagent = g("MiniAgents"), g("miniagent")
        self.Message, self.Frozen = g("Message"), g("Frozen", None)
        self.TextMessage = g("TextMessage", None) or self.Message
        self.Promise, self.StreamedPromise = g("Promise"), g("StreamedPromise")
        self.StreamAppender, self.PromisingContext = g("StreamAppender"), g("PromisingContext")
        self.MessageSequence = g("MessageSequence", None)
        self.TokenAppender = g("MessageTokenAppender", None) or self.StreamAppender
        params = inspect.signature(self.Promise.__init__).parameters
        self.soon = "start_soon" if "start_soon" in params else "start_asap"
        ctx_params = inspect.signature(self.PromisingContext.__init__).parameters
        self.all_soon = next((p for p in ctx_params if p.startswith("start_everything")), "start_everything_soon_by_default")
        m_params = inspect.signature(self.MiniAgents.__init__).parameters
        self.persist = "on_persist_messages" if "on_persist_messages" in m_params else "on_persist_message"
        self.body = "content" if "content" in getattr(self.TextMessage, "model_fields", {"content": 1}) else "text"

    def get(self, name, *default):
        for m in self._mods:
            if hasattr(m, name):
                return getattr(m, name)
        if default:
            return default[0]
        raise AttributeError(f"{self.modname} has no {name}")

    # -- calls that changed their names --
    def promise(self, resolver=None, soon=None, **kw):
        if soon is not None:
            kw[self.soon] = soon
        return self.Promise(resolver=resolver, **kw) if resolver else self.Promise(**kw)

    def stream(self, streamer=None, resolver=None, soon=None, **kw):
        if soon is not None:
            kw[self.soon] = soon
        if streamer is not None:
            kw["streamer"] = streamer
        if resolver is None and "prefill_result" not in kw:
            resolver = as_list
        return self.StreamedPromise(resolver=resolver, **kw)

    def call(self, agent, messages=None, soon=None, **kw):
        if soon is not None:
            kw[self.soon] = soon
        f = getattr(agent, "trigger", None) or agent.inquire
        return f(messages, **kw)

    def open_call(self, agent, **kw):
        f = getattr(agent, "initiate_call", None) or agent.initiate_inquiry
        return f(**kw)

    def text(self, value, **kw):
        return self.TextMessage(value, **kw)

    def token_promise(self, streamer, soon=None, **kw):
        if soon is not None:
            kw[self.soon] = soon
        if self.TokenAppender is self.StreamAppender and isinstance(streamer, self.StreamAppender):
            ap = streamer          # old releases: a token streamer is called with the metadata dict
            streamer = lambda _meta: ap
        return self.TextMessage.promise(message_token_streamer=streamer, **kw)

    def sequence(self, messages):
        return self.MessageSequence.turn_into_sequence_promise(messages)

    def incoming(self, ctx):
        return ctx.message_promises if hasattr(ctx, "message_promises") else ctx.messages


async def as_list(p):
    return [x async for x in p]
