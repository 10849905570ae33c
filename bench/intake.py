"""How many whole visits a second the reporter's site serves, beside Flask that does nothing but answer.

A visit goes from the choice of a language to the receipt: ten requests, eight visitors at once, two worker
processes. The other side (`bench/bare_site.py`) answers the same requests under the same gunicorn settings
with a short page, and does one durable insert into SQLite in the last. Both are served all the time and asked
in turns. The client is the same; its work counts on both sides. Seconds of a processor are shown as well,
which depend less on what else the machine does.

The bars: at least 0.4 of bare Flask; the 99th percentile of what takes longest, sending, under 5 times its
median.
"""

import argparse
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from urllib.parse import urlsplit

from meyasubako.crypto.keyfile import KeyPair
from meyasubako.service.config import NO_ABUSE_LIMITS, Config, Doors
from meyasubako.service.founding import Founder, Settings, found

ANYWHERE = Doors(reporter="127.0.0.1:0", handler="127.0.0.1:0", log="127.0.0.1:0")
ROLES = {
    "Ada Berg": ("steward",),
    "Keiko Sato": ("handler:main", "intake:main"),
    "Omar Haddad": ("handler:main", "intake:main"),
    "Ana Costa": ("auditor",),
}
OPENED = ("/", "/en/", "/en/questions")
STORY = "The alarm of the second press is switched off at night, and nobody may say so. " * 6
ANSWERS = {
    "readers": {},
    "story": {"text": STORY},
    "topic": {"about": "breach", "kinds": "safety"},
    "circumstances": {"place": "Osaka"},
    "needs": {"danger": "no"},
    "files": {},
    "review": {},
}
BOUNDARY = "----a-boundary-of-a-browser"
_state = re.compile(r'name="state" value="([^"]+)"')
_page = re.compile(r'name="page" value="([^"]+)"')


@dataclass(frozen=True)
class Round:
    """Seconds of each visit and of each last request, in a round of so many seconds.

    `processor` is what server and client used together, in seconds.
    """

    seconds: float
    visits: tuple[float, ...]
    sends: tuple[float, ...]
    processor: float

    @property
    def rate(self) -> float:
        """Visits a second."""
        return len(self.visits) / self.seconds

    @property
    def cost(self) -> float:
        """Seconds of a processor for each visit."""
        return self.processor / len(self.visits)


@dataclass(frozen=True)
class Site:
    """Where something is served, and by which process and its descendants."""

    address: str
    root: int

    def processor(self) -> float:
        """Seconds of a processor that the server has used."""
        parents, used = {}, {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    told = (entry / "stat").read_text().rpartition(") ")[2].split()
                except OSError:
                    continue  # it has just ended
                parents[int(entry.name)] = int(told[1])
                used[int(entry.name)] = sum(map(int, told[11:13])) / os.sysconf("SC_CLK_TCK")
        return sum(seconds for pid, seconds in used.items() if self._is_ours(pid, parents))

    def _is_ours(self, pid: int, parents: dict[int, int]) -> bool:
        while pid and pid != self.root:
            pid = parents.get(pid, 0)
        return pid == self.root


def form(fields: dict[str, str]) -> bytes:
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    return ("".join(parts) + f"--{BOUNDARY}--\r\n").encode()


def visit(site: str, *, ours: bool) -> float:
    """One visit; gives the seconds that its last request took."""
    place = urlsplit(site)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)
    headers = {"Origin": site, "Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    try:
        body = ""
        for path in OPENED:
            connection.request("GET", path)
            body = connection.getresponse().read().decode()
        state, taken = "x" * 1200, 0.0
        for page, answers in ANSWERS.items():
            if ours:
                found_state, found_page = _state.search(body), _page.search(body)
                if not found_state or not found_page or found_page[1] != page:
                    raise RuntimeError(f"another page than {page} came")
                state = found_state[1]
            data = form({"state": state, "page": page, "go": "next", **answers})
            start = time.perf_counter()
            connection.request("POST", "/en/questions", data, headers)
            answer = connection.getresponse()
            body = answer.read().decode()
            taken = time.perf_counter() - start
            if answer.status != 200:
                raise RuntimeError(f"{page} was answered with {answer.status}")
        if ours and 'class="digits code"' not in body:
            raise RuntimeError("no receipt came")
        return taken
    finally:
        connection.close()


def visitor(site: str, ours: bool, seconds: float) -> tuple[list[float], list[float]]:
    visits, sends = [], []
    end = time.monotonic() + seconds
    while (start := time.monotonic()) < end:
        sends.append(visit(site, ours=ours))
        visits.append(time.monotonic() - start)
    return visits, sends


def visitors(site: str, ours: bool, seconds: float, count: int) -> tuple[list[float], list[float], float]:
    before = time.process_time()
    with ThreadPoolExecutor(count) as threads:
        done = list(threads.map(lambda _: visitor(site, ours, seconds), range(count)))
    used = time.process_time() - before
    return (
        [each for visits, _ in done for each in visits],
        [each for _, sends in done for each in sends],
        used,
    )


def measured(pool: ProcessPoolExecutor, site: Site, *, ours: bool, seconds: float, clients: int) -> Round:
    start, before = time.monotonic(), site.processor()
    parts = list(pool.map(partial(visitors, site.address, ours, seconds), [clients // 2] * 2))
    taken, used = time.monotonic() - start, site.processor() - before
    return Round(
        taken,
        tuple(each for visits, _, _ in parts for each in visits),
        tuple(each for _, sends, _ in parts for each in sends),
        used + sum(client for _, _, client in parts),
    )


@contextmanager
def our_site(directory: Path) -> Iterator[Site]:
    people = {name: KeyPair.generate(name) for name in ROLES}
    founders = [Founder(people[name].person(), roles) for name, roles in ROLES.items()]
    config = Config(origin="bench.example.org", doors=ANYWHERE, abuse=NO_ABUSE_LIMITS)
    chosen = Settings(name="Bench", channel_name="Main", waiting_hours=0)
    found(directory, config, chosen, founders, people["Ada Berg"])
    command = [Path(sys.executable).with_name("meyasubako"), "serve", directory, "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        told: dict[str, dict[str, str]] = {}
        while "ready" not in told:
            told |= json.loads(process.stdout.readline())
        try:
            yield Site(told["doors"]["reporter"], process.pid)
        finally:
            process.send_signal(signal.SIGTERM)


@contextmanager
def bare_site(directory: Path) -> Iterator[Site]:
    directory.mkdir()
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        number = listener.fileno()
        command = [
            sys.executable,
            Path(__file__).with_name("bare_site.py"),
            directory,
            "--socket",
            str(number),
        ]
        with subprocess.Popen(command, pass_fds=(number,)) as process:
            try:
                yield Site(f"http://127.0.0.1:{listener.getsockname()[1]}", process.pid)
            finally:
                process.send_signal(signal.SIGTERM)


def percentiles(values: tuple[float, ...]) -> tuple[float, float]:
    return median(values), quantiles(values, n=100)[98]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=5.0, help="for each measurement")
    parser.add_argument("--rounds", type=int, default=5, help="the median of so many is shown")
    parser.add_argument("--clients", type=int, default=8, help="visitors at once")
    parser.add_argument("--directory", type=Path, help="where to write; the disk that is measured")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(dir=options.directory) as place,
        our_site(Path(place) / "ours") as ours,
        bare_site(Path(place) / "bare") as bare,
        ProcessPoolExecutor(2) as pool,
    ):
        measure: Callable[..., Round] = partial(measured, pool, clients=options.clients)
        for site, is_ours in ((ours, True), (bare, False)):
            measure(site, ours=is_ours, seconds=1.0)
        rounds = [
            (
                measure(bare, ours=False, seconds=options.seconds),
                measure(ours, ours=True, seconds=options.seconds),
            )
            for _ in range(options.rounds)
        ]
    show(rounds)


def show(rounds: list[tuple[Round, Round]]) -> None:
    print(f"load of the machine: {os.getloadavg()[0]:.1f}")
    for name, side in (("bare Flask", 0), ("ours", 1)):
        rates = [each[side].rate for each in rounds]
        cost = median(each[side].cost for each in rounds) * 1000
        print(
            f"{name:12} {median(rates):8.1f} visits a second   ({min(rates):.1f} to {max(rates):.1f}), "
            f"{cost:.1f} ms of a processor each, client included"
        )
    visits = percentiles(tuple(taken for _, ours in rounds for taken in ours.visits))
    sends = percentiles(tuple(taken for _, ours in rounds for taken in ours.sends))
    for name, (middle, slow) in (("a visit", visits), ("sending", sends)):
        times = f"{slow / middle:.1f} times (bar 5)"
        print(f"{name:12} p50 {middle * 1000:.1f} ms, p99 {slow * 1000:.1f} ms: {times}")
    ratio = median(ours.rate / bare.rate for bare, ours in rounds)
    work = median(bare.cost / ours.cost for bare, ours in rounds)
    print(f"ours is {ratio:.2f} of bare Flask (bar 0.4); by seconds of a processor {work:.2f}")


if __name__ == "__main__":
    main()
