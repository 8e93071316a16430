"""A language model of 150 KB with random weights, as a GGUF file that llama.cpp loads.

It is a llama in all but size, and knows nothing: it babbles bytes. So what it says in a shape (a
JSON that fits a schema, the call of a tool) has that shape by the server's grammar, and not because
a good model was kind.

The format is GGUF 3 (ggml/docs/gguf.md of llama.cpp); names and shapes of the tensors are those of
src/models/llama.cpp there. The tokens are GPT-2's bytes, without a merge: one byte is one token.
"""

import random
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

type Key = str | int | float | bool | Sequence[str] | Sequence[int]

WIDTH, INNER, HEADS, LAYERS = 32, 64, 4, 2
TRAINED = 32_768
"""How many tokens its context may have."""

CONTROLS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
TAGS = ("<think>", "</think>", "<tool_call>", "</tool_call>")
"""Each is one token, as in Qwen's models, and may be seen in a text."""

TOKENS = 256 + len(CONTROLS) + len(TAGS)
END, THOUGHT, CALL, CALLED = 258, 260, 261, 262

# ChatML with the tools of Hermes and Qwen; llama-server tries it to find out how calls and thoughts
# are written. `thinks` is ours: {"chat_template_kwargs": {"thinks": true}} in a request.
TEMPLATE = """\
{%- if tools %}
    {{- '<|im_start|>system\\n' }}
    {%- if messages[0].role == 'system' %}{{- messages[0].content + '\\n\\n' }}{%- endif %}
    {{- '# Tools\\n\\n<tools>' }}
    {%- for tool in tools %}{{- '\\n' + (tool | tojson) }}{%- endfor %}
    {{- '\\n</tools>\\n\\nFor each call return a JSON object within <tool_call></tool_call>:\\n' }}
    {{- '<tool_call>{\\"name\\": <name>, \\"arguments\\": <object>}</tool_call>' }}
    {{- '<|im_end|>\\n' }}
{%- elif messages[0].role == 'system' %}
    {{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
    {%- if message.role == 'tool' %}
        {{- '<|im_start|>user\\n<tool_response>\\n' + message.content }}
        {{- '\\n</tool_response><|im_end|>\\n' }}
    {%- elif message.role != 'system' or not loop.first %}
        {{- '<|im_start|>' + message.role + '\\n' }}
        {%- if message.reasoning_content %}
            {{- '<think>\\n' + message.reasoning_content + '\\n</think>\\n\\n' }}
        {%- endif %}
        {{- message.content or '' }}
        {%- for call in message.tool_calls or [] %}
            {{- '<tool_call>{\\"name\\": \\"' + call.function.name }}
            {{- '\\", \\"arguments\\": ' + (call.function.arguments | tojson) }}
            {{- '}</tool_call>' }}
        {%- endfor %}
        {{- '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' + ('<think>\\n' if thinks else '') }}
{%- endif %}
"""


def write_model(path: Path, *, seed: int = 1) -> None:
    """Write the model; the same seed writes the same bytes."""
    tensors = list(_tensors(random.Random(seed)))
    keys = _keys()
    head = struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(keys))
    head += b"".join(_text(key) + _typed(value) for key, value in keys.items())
    data = b""
    for name, shape, numbers in tensors:
        head += _text(name) + struct.pack("<I", len(shape))
        head += struct.pack(f"<{len(shape)}QIQ", *shape, _F32, len(data))
        data += _padded(struct.pack(f"<{len(numbers)}f", *numbers))
    path.write_bytes(_padded(head) + data)


def _keys() -> dict[str, Key]:
    return {
        "general.architecture": "llama",
        "general.name": "tiny",
        "llama.context_length": TRAINED,
        "llama.embedding_length": WIDTH,
        "llama.block_count": LAYERS,
        "llama.feed_forward_length": INNER,
        "llama.attention.head_count": HEADS,
        "llama.attention.layer_norm_rms_epsilon": 1e-5,
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "gpt-2",
        "tokenizer.ggml.tokens": [*_alphabet(), *CONTROLS, *TAGS],
        "tokenizer.ggml.token_type": [
            *[_NORMAL] * 256,
            *[_CONTROL] * len(CONTROLS),
            *[_USER_DEFINED] * len(TAGS),
        ],
        "tokenizer.ggml.merges": [],
        "tokenizer.ggml.bos_token_id": 256,
        "tokenizer.ggml.eos_token_id": END,
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.chat_template": TEMPLATE,
    }


def _alphabet() -> Iterator[str]:
    """GPT-2's letter for each byte: itself if it can be seen, else the next one from U+0100 on."""
    seen = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    unseen = 0x100
    for byte in range(256):
        if byte in seen:
            yield chr(byte)
        else:
            yield chr(unseen)
            unseen += 1


def _tensors(dice: random.Random) -> Iterator[tuple[str, Sequence[int], list[float]]]:
    """Each tensor: its name, its shape (innermost first), its numbers.

    The first number of an embedding is the same large one for all tokens. It comes through the
    layers almost as it was, so a token's weight for it is how likely that token is at any time.
    """

    def rolled(*shape: int, scale: float) -> tuple[Sequence[int], list[float]]:
        count = shape[0] * shape[1]
        return shape, [dice.gauss(0, scale) for _ in range(count)]

    shape, embedding = rolled(WIDTH, TOKENS, scale=0.5)
    embedding[::WIDTH] = [4.0] * TOKENS
    yield "token_embd.weight", shape, embedding
    shape, output = rolled(WIDTH, TOKENS, scale=0.3)
    output[::WIDTH] = [_likely(token) for token in range(TOKENS)]
    yield "output.weight", shape, output
    yield "output_norm.weight", [WIDTH], [1.0] * WIDTH
    for layer in range(LAYERS):
        for norm in ("attn_norm", "ffn_norm"):
            yield f"blk.{layer}.{norm}.weight", [WIDTH], [1.0] * WIDTH
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            yield f"blk.{layer}.{part}.weight", *rolled(WIDTH, WIDTH, scale=0.1)
        for part in ("ffn_gate", "ffn_up"):
            yield f"blk.{layer}.{part}.weight", *rolled(WIDTH, INNER, scale=0.1)
        yield f"blk.{layer}.ffn_down.weight", *rolled(INNER, WIDTH, scale=0.1)


def _likely(token: int) -> float:
    """It babbles letters, and now and then it opens, closes or ends something, or makes a call.

    What a grammar allows without end is rare: spaces between two signs, and a thought before the
    answer, which "<" would begin.
    """
    if token in {*b'[{"', END, CALL, CALLED}:
        return 0.5
    return 0.0 if 0x20 < token < 0x7F and token != ord("<") else -2.0


# -- the format

_F32 = 0
_NORMAL, _CONTROL, _USER_DEFINED = 1, 3, 4
_UINT32, _INT32, _FLOAT32, _BOOL, _STRING, _ARRAY = 4, 5, 6, 7, 8, 9
_ALIGNMENT = 32


def _typed(value: Key) -> bytes:
    match value:
        case bool():
            return struct.pack("<I?", _BOOL, value)
        case int():
            return struct.pack("<II", _UINT32, value)
        case float():
            return struct.pack("<If", _FLOAT32, value)
        case str():
            return struct.pack("<I", _STRING) + _text(value)
        case [int(), *_]:
            return struct.pack(f"<IIQ{len(value)}i", _ARRAY, _INT32, len(value), *value)
        case _:
            texts = b"".join(_text(str(one)) for one in value)
            return struct.pack("<IIQ", _ARRAY, _STRING, len(value)) + texts


def _text(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def _padded(raw: bytes) -> bytes:
    return raw + bytes(-len(raw) % _ALIGNMENT)
