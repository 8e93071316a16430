# Each recipe is one line that can be typed by hand.

# all that CI checks
check:
    .ci/run

# the tests
test *arguments:
    uv run pytest {{ arguments }}

# a SIGKILL before and after every single write, on every store (half an hour)
chaos *arguments:
    uv run pytest -n 2 --dist worksteal tests/chaos tests/chaos/every_offset.py {{ arguments }}

# every check of the kit for models on Claude Code, a process for each answer (two minutes)
whole-kit:
    RETINUE_WHOLE_KIT=1 uv run --group vendors pytest tests/models/test_models_claude_agent.py -k contract

# the figures of docs/performance.md
bench *arguments:
    uv run benchmarks/alone/core.py {{ arguments }} && uv run benchmarks/alone/startup.py && uv run --group vendors benchmarks/alone/adapters.py

# run what the docs say
docs:
    uv run pytest tests/docs

# write the exact pins of pyproject.toml anew
lock:
    uv run scripts/lock.py

# format, and mend what can be mended
format:
    uv run ruff check --fix && uv run ruff format
