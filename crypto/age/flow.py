"""Sealing and opening many chunks: in a stream of blocks or in one piece, on as many threads as asked.

The cipher releases the interpreter's lock for the length of a chunk, so threads seal at the same time. A
chunk's nonce comes from its place alone, and results are used in their order, so the threads never show in
what is written.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from typing import Final, TypeVar

from meyasubako.crypto.age.blocks import Blocks

_Result = TypeVar("_Result")

# 512 KiB of plaintext: what was read and what was sealed lie in a core's cache together.
BATCH: Final = 8

# Does one block, given the counter of its first chunk, what to read, where to write, and whether it is the
# last.
Work = Callable[[int, memoryview, memoryview, bool], _Result]


def flow(
    blocks: Blocks, counter: int, work: Work[_Result], out_size: int, threads: int
) -> Iterator[tuple[int, memoryview, _Result]]:
    """Each block's size, the buffer that it was worked into, and the result, in order; valid until the next
    one.

    With one thread everything happens in the caller's. With more, that many others work while the caller
    reads and writes, on two blocks more than there are threads.
    """
    if threads <= 1:
        buffer, out = blocks.buffer(), memoryview(bytearray(out_size))
        while not blocks.ended:
            block = blocks.next(buffer)
            yield len(block), out, work(counter, block, out, blocks.ended)
            counter += BATCH
        return
    with ThreadPoolExecutor(threads, thread_name_prefix="age") as pool:
        free = deque((blocks.buffer(), memoryview(bytearray(out_size))) for _ in range(threads + 2))
        busy: deque[tuple[memoryview, memoryview, int, Future[_Result]]] = deque()
        while busy or not blocks.ended:
            while free and not blocks.ended:
                buffer, out = free.popleft()
                block = blocks.next(buffer)
                busy.append((buffer, out, len(block), pool.submit(work, counter, block, out, blocks.ended)))
                counter += BATCH
            buffer, out, size, future = busy.popleft()
            yield size, out, future.result()
            free.append((buffer, out))


def in_parts(
    work: Work[_Result], source: tuple[memoryview, int], target: tuple[memoryview, int], threads: int
) -> list[_Result]:
    """Work on a whole payload in memory, split among threads; the caller's is one of them.

    `source` and `target` come with the size of a full chunk in each. The results are in order.
    """
    (plain, step), (out, stride) = source, target
    count = max(1, -(-len(plain) // step))
    threads = max(1, min(threads, count))
    edges = [count * share // threads for share in range(threads + 1)]
    parts = [
        (first, plain[first * step : after * step], out[first * stride : after * stride], after == count)
        for first, after in pairwise(edges)
    ]
    if threads == 1:
        return [work(*parts[0])]
    with ThreadPoolExecutor(threads - 1, thread_name_prefix="age") as pool:
        others = [pool.submit(work, *part) for part in parts[1:]]
        return [work(*parts[0]), *(other.result() for other in others)]
