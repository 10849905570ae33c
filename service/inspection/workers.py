"""Every core at work: tasks go out to processes a little ahead, and results come back in order."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any, Final, ParamSpec, TypeVar

from meyasubako.service.inspection.errors import InspectionError
from meyasubako.service.inspection.examine import begin

P = ParamSpec("P")
T = TypeVar("T")

# Below this a process takes longer to start than to help.
_WORTH_IT: Final = 8192


class Here(Executor):
    """Does each task at once, in this process."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """The result, which is there already."""
        done: Future[T] = Future()
        done.set_result(fn(*args, **kwargs))
        return done


@contextmanager
def at_work(entries: int, processes: int | None = None) -> Iterator[Executor]:
    """Processes for so many entries, one a core unless told; none where they or the entries are few."""
    count = processes if processes is not None else os.cpu_count() or 1
    if count < 2 or (processes is None and entries < _WORTH_IT):
        yield Here()
        return
    # Not forked from this process, which may have open databases and threads, but from one that has only read
    # the code: it is read once, not for each of them.
    context = get_context("forkserver")
    context.set_forkserver_preload(["__main__", begin.__module__])
    pool = ProcessPoolExecutor(count, mp_context=context, initializer=begin)
    try:
        for _ in range(count):
            pool.submit(int)  # they start now, while we look at other things
        yield pool
    except BrokenProcessPool as error:
        raise InspectionError(
            "a process of the audit was ended from outside, perhaps for want of memory: nothing was decided"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def in_order(
    executor: Executor, function: Callable[..., T], tasks: Iterable[tuple[Any, ...]], ahead: int = 8
) -> Iterator[T]:
    """Each task's result in turn; so many tasks are out at once."""
    out: deque[Future[T]] = deque()
    for task in tasks:
        out.append(executor.submit(function, *task))
        if len(out) >= ahead:
            yield out.popleft().result()
    while out:
        yield out.popleft().result()
