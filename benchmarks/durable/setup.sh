#!/bin/sh
# Makes the environments of the peers, with the versions that were measured: VENVS=somewhere sh setup.sh [name ...]
set -e
VENVS=${VENVS:-"$HOME/.cache/durable-venvs"}; mkdir -p "$VENVS"; cd "$VENVS"
PYTHON=${PYTHON:-3.12}
WANTED=" $* "
make_env() { name=$1; shift; [ "$WANTED" = "  " ] || case "$WANTED" in *" $name "*) ;; *) return 0;; esac; uv venv -q --clear --python "$PYTHON" "$name"; uv pip install -q --python "$name/bin/python" "$@"; }
make_env langgraph langgraph==1.2.22 langgraph-checkpoint-sqlite==3.1.2 langgraph-checkpoint-postgres==3.2.0 "psycopg[binary]==3.3.9"
make_env dbos dbos==3.4.0 "psycopg[binary]==3.3.9"
