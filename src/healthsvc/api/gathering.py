"""Concurrent questions answered together: whatever many rows cost little more than one for."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterator, Mapping, Sequence
from typing import Final, Generic, TypeVar

KeyT = TypeVar("KeyT", bound=Hashable)
AnswerT = TypeVar("AnswerT")
MOST: Final = 64
WINDOW_SECONDS: Final = 0.001
"""How long a batch is awaited, and only while others have just been answered: their askers are
likely to ask again at once."""


class Gatherer(Generic[KeyT, AnswerT]):
    """Answers one batch of questions at a time; what is asked meanwhile makes the next one, so that
    an answer is never older than its question. Use it from one event loop.

    `answer` is given questions that differ, and answers each that it returns an entry for.
    """

    def __init__(
        self, answer: Callable[[Sequence[KeyT]], Awaitable[Mapping[KeyT, AnswerT]]]
    ) -> None:
        self._answer = answer
        self._waiting: dict[KeyT, list[asyncio.Future[AnswerT]]] = {}
        self._worker: asyncio.Task[None] | None = None

    async def ask(self, key: KeyT) -> AnswerT:
        """The answer; raises what answering raised."""
        answered: asyncio.Future[AnswerT] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append(answered)
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work(), name="gatherer")
        return await answered

    async def _work(self) -> None:
        while self._waiting:
            batch = {key: self._waiting.pop(key) for key in list(self._waiting)[:MOST]}
            await self._answer_all(batch)
            if self._waiting:
                await asyncio.sleep(WINDOW_SECONDS)

    async def _answer_all(self, batch: Mapping[KeyT, list["asyncio.Future[AnswerT]"]]) -> None:
        """Answer a batch; should it fail, each question by itself, so that none spoils others."""
        try:
            answers = await self._answer(list(batch))
        except Exception as error:
            if len(batch) > 1:
                for key, askers in batch.items():
                    await self._answer_all({key: askers})
                return
            for asker in _waiting(batch):
                asker.set_exception(error)
        except BaseException:
            for asker in _waiting(batch):
                asker.cancel()
            raise
        else:
            for key, askers in batch.items():
                for asker in _waiting({key: askers}):
                    asker.set_result(answers[key])


def _waiting(
    batch: Mapping[KeyT, list["asyncio.Future[AnswerT]"]],
) -> Iterator["asyncio.Future[AnswerT]"]:
    """Those who haven't gone meanwhile."""
    return (asker for askers in batch.values() for asker in askers if not asker.done())
