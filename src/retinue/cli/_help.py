"""What --help says. A line that ends in a colon is a heading."""

from typing import Final

from retinue.telemetry.terminal import Look


def shown(text: str, program: str, look: Look) -> str:
    """The text with the name we were called by, and its headings in bold."""
    lines = text.replace("{program}", program).splitlines()
    return "".join(
        [f"{look.paint(line[:-1], 'bold') if line.endswith(':') else line}\n" for line in lines]
    )


WELCOME: Final = """\
A personal assistant with a retinue of agents.

Ask:
  {program} -p "why is the sky blue?"
  cat notes.md | {program} -p "what is missing here?"

{program} --help shows more."""

HELP: Final = """\
A personal assistant with a retinue of agents.

Ask:
  {program} -p "why is the sky blue?"
  {program} "a question of several words"
  cat notes.md | {program} -p "what is missing here?"

Options:
  -p, --prompt [TEXT]       the question; what is piped in goes with it as a document
  -m, --model NAME          provider:name, or an endpoint from retinue.toml   [demo]
  -s, --system TEXT         instructions that stand above the question
      --name NAME           what the assistant is called                      [retinue]
      --tools A,B | none    the tools it may use                  [clock,calculator]
      --temperature N       0 to 2
      --max-tokens N        of each answer of the model
      --max-steps N         how often the model may be called                 [20]
      --timeout SECONDS     for the whole answer
      --history FILE.md     go on with the conversation in this file
  -o, --output-format F     text, json or stream-json                         [text]
  -v, -vv                   say what happens; with every detail
  -h, --help  --version

Commands:
  config                    every setting, and where it came from
  trust                     let the files of this folder count

Exit codes:
  0 done   1 failed   2 wrong usage   3 approval needed   4 limit reached   130 interrupted
"""

HELP_OF: Final = {
    "config": """\
Show every setting and where it came from; secrets are masked.

  {program} config [--json] [--model NAME and the other options of a question]

A flag wins over the environment (RETINUE_<NAME>, then the names others use, like DEFAULT_MODEL),
that over a trusted project's .env and retinue.toml, those over your own config.toml.
""",
    "trust": """\
Let the files of a project count: retinue.toml, .env, agents/ and tools/*.py.

  {program} trust [PATH]           trust them as they are now; default: this folder's project
  {program} trust --remove [PATH]  trust them no more
  {program} trust --list           show what is trusted

A project's files could send your keys elsewhere or run code. Until you trust them they are not
read; when one of them changes, they are not read again until you look and trust them anew.
""",
}
