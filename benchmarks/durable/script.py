"""What every contender does: a writer, a critic who reads what it wrote, an editor who asks both.

The models are functions that answer at once, so that what is measured is the framework and its
store. They check what they are given, and count.
"""

TASK = "Write two lines about rain."
DRAFT = "Rain on the roof, and the gutters sing. " * 5
VERDICT = "The second line lost its breath; say less, and end on the gutters. " * 3
FINAL = "Rain on the roof; the gutters sing. " * 5

TURNS = 3


class Models:
    calls = 0

    async def writer(self, task: str) -> str:
        return self._answer(task == TASK, DRAFT)

    async def critic(self, draft: str) -> str:
        return self._answer(draft == DRAFT, VERDICT)

    async def editor(self, draft: str, verdict: str) -> str:
        return self._answer((draft, verdict) == (DRAFT, VERDICT), FINAL)

    def _answer(self, right: bool, answer: str) -> str:
        if not right:
            raise AssertionError("the model was given something else than was said")
        self.calls += 1
        return answer


models = Models()
