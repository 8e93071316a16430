"""A conversation that is longer than the model can read goes on, with a summary of what is gone."""

from retinue import Message, assistant, run
from retinue.models.fitted import Fitted
from retinue.testing import Scripted


async def main() -> list[str]:
    model = Scripted("Your cat is called Ada.")
    secretary = Scripted("The user's cat is called Ada.")
    host = assistant("host", model=Fitted(model, window=2_000, summary=secretary))
    past = [Message("Always be kind.", role="system"), Message("My cat is called Ada.")]
    for n in range(30):
        past += [
            Message(f"Tell me number {n} of your long stories.", role="user"),
            Message("Once upon a time, there lived ... " * 5, role="assistant", agent="host"),
        ]
    await host.inquire(*past, "How is my cat called?")
    asked = model.requests[0].messages
    return [message.text for message in (*asked[:3], asked[-1])]


if __name__ == "__main__":
    print(*run(main), sep="\n---\n")
