"""`make bench-seal`: sealing beside raw ChaCha20-Poly1305, pyrage, Debian's age, cp and bare HPKE.

Every figure is a ratio of medians of interleaved runs on the same machine in the same minutes, so that a busy
neighbour slows both sides. Memory is touched before it is measured: a fresh page costs more than sealing it.
Needs Debian's `age` (apt-get install age) and 3 GiB of memory and of disk.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pyrage
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from meyasubako.crypto.age import (
    HybridIdentity,
    Sealer,
    Unsealer,
    X25519Identity,
    seal,
    seal_into,
    unseal,
    unseal_into,
)

CHUNK = 65_536
MIB = 1 << 20
MEYASUBAKO = Path(sys.executable).with_name("meyasubako")
Run = Callable[[], object]


class Memory:
    """A file in memory that is used again, a source and a sink: no page of it is new."""

    def __init__(self, size: int) -> None:
        self.view = memoryview(bytearray(os.urandom(MIB) * (size // MIB)))
        self.at = 0

    def rewind(self) -> "Memory":
        """Itself, at its beginning."""
        self.at = 0
        return self

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes."""
        data = bytes(self.view[self.at : self.at + size])
        self.at += len(data)
        return data

    def readinto(self, target: memoryview) -> int:
        """As many bytes as `target` holds, or are left."""
        count = min(len(target), len(self.view) - self.at)
        target[:count] = self.view[self.at : self.at + count]
        self.at += count
        return count

    def write(self, data: memoryview, /) -> int:
        """Take all of the bytes."""
        self.view[self.at : self.at + len(data)] = data
        self.at += len(data)
        return len(data)


def medians(runs: Mapping[str, Run], rounds: int, settle: Run | None = None) -> dict[str, float]:
    """The median seconds of each run; they take turns, each after `settle`, which is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            if settle is not None:
                settle()
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(all_of_it) for name, all_of_it in seconds.items()}


def tell(
    what: str, value: float, target: float | None = None, *, at_most: bool = False, unit: str = ""
) -> None:
    """One line: a figure, and whether it meets its target."""
    if target is None:
        verdict = ""
    else:
        met = value <= target if at_most else value >= target
        verdict = f"{'at most' if at_most else 'at least'} {target:g}{unit}: {'met' if met else 'MISSED'}"
    print(f"  {what:<64} {value:>8.2f}{unit:<4} {verdict}", flush=True)


def in_memory(size: int, rounds: int) -> None:
    """A stream from memory to memory, beside the raw cipher on one chunk that stays in the cache."""
    identity = HybridIdentity.generate()
    plain, room, back = Memory(size), Memory(size + 2 * MIB), Memory(size + MIB)
    cipher, nonce, out = ChaCha20Poly1305(os.urandom(32)), bytes(12), bytearray(CHUNK + 16)
    length = seal_into(room.view, plain.view, identity.recipient)
    sealed = room.view[:length].toreadonly()

    def raw() -> None:
        chunk = plain.view[:CHUNK]
        for _ in range(size // CHUNK):
            cipher.encrypt_into(nonce, chunk, None, out)

    def stream() -> None:
        # Piece by piece, as an upload comes in.
        with Sealer(room.rewind(), identity.recipient) as sealer:
            for start in range(0, size, MIB):
                sealer.write(plain.view[start : start + MIB])

    def stream_open() -> None:
        source = room.rewind()
        source_view, source.view = source.view, sealed
        Unsealer(source, identity).copy_to(back.rewind())
        source.view = source_view

    runs: dict[str, Run] = {"raw": raw}
    for threads in (1, 2):
        runs[f"seal {threads}"] = lambda threads=threads: seal_into(
            room.view, plain.view, identity.recipient, threads=threads
        )
        runs[f"open {threads}"] = lambda threads=threads: unseal_into(
            back.view, room.view[:length], identity, threads=threads
        )
    runs["stream"] = stream
    found = medians(runs, rounds)
    rate = found["raw"]
    raw_rate = size / rate / 1e9
    print(f"\nIn memory, {size / MIB:.0f} MiB, as parts of raw ChaCha20-Poly1305 ({raw_rate:.2f} GB/s):")
    tell("seal, memory to memory, one thread", rate / found["seal 1"], 0.75)
    tell("seal, memory to memory, two threads", rate / found["seal 2"])
    tell("two threads over one", found["seal 1"] / found["seal 2"], 1.0)
    tell("open, memory to memory, one thread", rate / found["open 1"])
    tell("open, memory to memory, two threads", rate / found["open 2"])
    tell("Sealer.write of 1 MiB pieces, copied into memory by its sink", rate / found["stream"])
    # Only here, because what it opens is what the sealers above wrote last.
    tell("Unsealer.copy_to, copied from and into memory", rate / medians({"open": stream_open}, 3)["open"])


def beside_pyrage(size: int, rounds: int) -> None:
    """Whole files in memory, as pyrage takes and gives them."""
    identity = X25519Identity.generate()
    theirs = pyrage.x25519.Identity.from_str(identity.reveal())
    plain = os.urandom(size)
    sealed = seal(plain, identity.recipient)
    room, back = bytearray(len(sealed)), bytearray(size)
    found = medians(
        {
            "pyrage seal": lambda: pyrage.encrypt(plain, [theirs.to_public()]),
            "seal 1": lambda: seal(plain, identity.recipient),
            "seal 2": lambda: seal(plain, identity.recipient, threads=2),
            "seal into": lambda: seal_into(room, plain, identity.recipient),
            "pyrage open": lambda: pyrage.decrypt(sealed, [theirs]),
            "open 1": lambda: unseal(sealed, identity),
            "open 2": lambda: unseal(sealed, identity, threads=2),
            "open into": lambda: unseal_into(back, sealed, identity),
        },
        rounds,
    )
    print(f"\nBeside pyrage, {size / MIB:.0f} MiB in memory, times as fast:")
    for what in ("seal", "open"):
        theirs_took = found[f"pyrage {what}"]
        tell(f"{what} into memory that is used again, one thread", theirs_took / found[f"{what} into"], 3.0)
        tell(f"{what} into fresh memory, two threads", theirs_took / found[f"{what} 2"], 3.0)
        tell(f"{what} into fresh memory, one thread", theirs_took / found[f"{what} 1"])


def wrapping(rounds: int) -> None:
    """A small file to 100 recipients, beside 100 bare HPKE seals to the same keys."""
    recipients = [HybridIdentity.generate().recipient for _ in range(100)]
    suite = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305)
    keys = [
        hpke.MLKEM768X25519PrivateKey(
            mlkem.MLKEM768PrivateKey.generate(), x25519.X25519PrivateKey.generate()
        ).public_key()
        for _ in range(100)
    ]
    info = b"age-encryption.org/mlkem768x25519"
    found = medians(
        {
            "bare": lambda: [suite.encrypt(bytes(16), key, info) for key in keys],
            "wrap": lambda: seal(b"", *recipients),
        },
        rounds * 5,
    )
    print("\nWrapping to 100 parsed recipients, times the cost of 100 bare HPKE seals:")
    tell("seal to 100", found["wrap"] / found["bare"], 1.6, at_most=True)


def commands(folder: Path, size: int, rounds: int) -> None:
    """The command beside Debian's age into a drained pipe, and beside cp on disk."""
    identity = X25519Identity.generate()
    key, plain, sealed, copy = folder / "key", folder / "plain", folder / "sealed", folder / "copy"
    key.write_text(f"{identity.reveal()}\n")
    to = identity.recipient.text
    with plain.open("wb") as file:
        block = os.urandom(MIB)
        for _ in range(size // MIB):
            file.write(block)
        os.fsync(file.fileno())

    def piped(*command: str | Path) -> None:
        with plain.open("rb") as source:
            first = subprocess.Popen(list(map(str, command)), stdin=source, stdout=subprocess.PIPE)
            drain = subprocess.Popen(["cat"], stdin=first.stdout, stdout=subprocess.DEVNULL)
            assert first.stdout is not None
            first.stdout.close()
            assert (first.wait(), drain.wait()) == (0, 0)

    def settle() -> None:
        # What the run before left for the disk to do, its file's removal above all, is not this run's work.
        sealed.unlink(missing_ok=True)
        copy.unlink(missing_ok=True)
        os.sync()

    def on_disk(*command: str | Path, to: Path) -> None:
        subprocess.run(list(map(str, command)), check=True)
        # Ours returns when its file is on the disk; the others are waited for.
        with to.open("rb") as file:
            os.fsync(file.fileno())

    runs: dict[str, Run] = {
        "seal": lambda: piped(MEYASUBAKO, "seal", "-r", to),
        "age": lambda: piped("age", "-r", to),
        "seal to disk": lambda: on_disk(MEYASUBAKO, "seal", "-r", to, "-o", sealed, plain, to=sealed),
        "age to disk": lambda: on_disk("age", "-r", to, "-o", sealed, plain, to=sealed),
        "cp to disk": lambda: on_disk("cp", plain, copy, to=copy),
    }
    found = medians(runs, rounds, settle)
    print(f"\nThe command, {size / MIB:.0f} MiB, its start included:")
    tell("times as fast as Debian's age into a drained pipe", found["age"] / found["seal"], 1.5)
    on_disk_took = found["seal to disk"]
    tell(
        "times the time of cp, until it is on the disk", on_disk_took / found["cp to disk"], 1.2, at_most=True
    )
    tell("times as fast as Debian's age, until it is on the disk", found["age to disk"] / on_disk_took)
    print("  seconds: " + ", ".join(f"{name} {seconds:.2f}" for name, seconds in found.items()))


def memory(folder: Path, size: int) -> None:
    """The largest memory that the command ever holds, for a file of holes, so that no disk is needed."""
    large = folder / "large"
    with large.open("wb") as file:
        file.truncate(size)
    # A small process between: a child's high-water mark begins with its parent's.
    measure = (
        "import resource, subprocess, sys\n"
        "subprocess.run(sys.argv[1:], check=True)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
    )
    to = HybridIdentity.generate().recipient.text
    command = [sys.executable, "-I", "-c", measure, MEYASUBAKO, "seal", "-r", to, "-o", "/dev/null", large]
    result = subprocess.run(list(map(str, command)), check=True, capture_output=True)
    large.unlink()
    print(f"\nMemory for {size >> 30} GiB:")
    tell("largest resident size", int(result.stdout) / 1024, 40.0, at_most=True, unit=" MiB")


def main() -> None:
    """Everything, one after the other."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--mebibytes", type=int, default=1024, help="how much is sealed")
    parser.add_argument("--folder", type=Path, default=Path("var"), help="a folder on the disk to measure")
    options = parser.parse_args()
    if shutil.which("age") is None:
        sys.exit("bench-seal needs: apt-get install age")
    size = options.mebibytes * MIB
    in_memory(size, options.rounds)
    beside_pyrage(min(size, 256 * MIB), options.rounds)
    wrapping(options.rounds)
    options.folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        commands(Path(folder), size, options.rounds)
        memory(Path(folder), 10 * size)


if __name__ == "__main__":
    main()
