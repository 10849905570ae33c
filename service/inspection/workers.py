"""Every core at work: tasks go out to processes a little ahead, and results come back in order."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from threading import Thread
from typing import Any, Final, ParamSpec, TypeVar

from meyasubako.service.inspection.errors import InspectionError
from meyasubako.service.inspection.examine import begin

P = ParamSpec("P")
T = TypeVar("T")

# Below this a process takes longer to start than to help.
_WORTH_IT: Final = 8192


class Here(Executor):
    """Does each task at once, in this process."""

    # How many tasks to have out at once; more than one only where they are done elsewhere.
    ahead = 1

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """The result, which is there already."""
        done: Future[T] = Future()
        done.set_result(fn(*args, **kwargs))
        return done


class Cores(Here):
    """Does tasks in processes of a pool; in this one until those are there, a quarter of a second later."""

    def __init__(self, pool: Executor, count: int) -> None:
        self._pool, self._count = pool, count
        self._failed: Exception | None = None
        self._starting = Thread(target=self._start, name="audit-start", daemon=True)
        self._starting.start()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """The result, once it is asked for; raises what kept the processes from starting."""
        if self._failed:
            raise self._failed
        if self.ahead > 1:
            return self._pool.submit(fn, *args, **kwargs)
        return super().submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes."""
        self._starting.join()
        self._pool.shutdown(wait, cancel_futures=cancel_futures)

    def _start(self) -> None:
        try:
            for started in [self._pool.submit(int) for _ in range(self._count)]:
                started.result()
        except Exception as error:  # noqa: BLE001  # whatever happened, whoever gives them something to do is told
            self._failed = error
        # Two for each keep them busy, and more would only lie far from each other in memory.
        self.ahead = 2 * self._count


@contextmanager
def at_work(entries: int, processes: int | None = None) -> Iterator[Here]:
    """Processes for so many entries, one a core unless told; none where they or the entries are few."""
    count = processes if processes is not None else os.cpu_count() or 1
    if count < 2 or (processes is None and entries < _WORTH_IT):
        yield Here()
        return
    # Not forked from this process, which may have open databases and threads, but from one that has only read
    # the code: it is read once, not for each of them.
    context = get_context("forkserver")
    context.set_forkserver_preload(["__main__", begin.__module__])
    cores = Cores(ProcessPoolExecutor(count, mp_context=context, initializer=begin), count)
    try:
        yield cores
    except BrokenProcessPool as error:
        raise InspectionError(
            "a process of the audit was ended from outside, perhaps for want of memory: nothing was decided"
        ) from error
    finally:
        cores.shutdown(cancel_futures=True)


def in_order(
    submit: Callable[..., Future[T]], tasks: Iterable[tuple[Any, ...]], ahead: Callable[[], int]
) -> Iterator[T]:
    """Each task's result in turn; as many are out at once as `ahead` says at that time."""
    out: deque[Future[T]] = deque()
    for task in tasks:
        out.append(submit(*task))
        if len(out) >= ahead():
            yield out.popleft().result()
    while out:
        yield out.popleft().result()
