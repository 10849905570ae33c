"""`python -m tests.fuzz --seconds 60`: every target, or those named, one after the other for that long each.

Coverage-guided (atheris, libFuzzer). What was learnt is kept in var/fuzz and used next time; the seeds in
tests/fuzz/corpus are never written to. A finding is left in var/fuzz as a file, and the exit code is 1.
"""

import argparse
import subprocess
import sys
from pathlib import Path

SEEDS = Path(__file__).parent / "corpus"
LEARNT = Path("var/fuzz")
NAMES = ("header", "sealed", "armored", "keys", "receipt", "archive", "event", "profile")
# Longer than any seed; the largest is an archive of the smallest class of reports.
LONGEST = 20_000
# An input that takes ten seconds is a hang, and one that takes a gigabyte is no less a finding.
LIMITS = ["-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1", "-verbosity=0"]


def fuzz_one(name: str, seconds: int) -> None:
    """Fuzz in this process, which ends with it."""
    import atheris  # the runner itself works without it

    with atheris.instrument_imports(
        include=["meyasubako.crypto", "meyasubako.domain"], enable_loader_override=False
    ):
        from tests.fuzz.targets import TARGETS  # instrumented as it is imported

    learnt = LEARNT / name
    learnt.mkdir(parents=True, exist_ok=True)
    limits = [
        *LIMITS,
        f"-max_total_time={seconds}",
        f"-max_len={LONGEST}",
        f"-artifact_prefix={LEARNT}/{name}-",
    ]
    atheris.Setup([sys.argv[0], *limits, str(learnt), str(SEEDS / name)], TARGETS[name])
    atheris.Fuzz()


def main() -> int:
    """Fuzz each target in a process of its own; 1 if any of them found something."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--in-this-process", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(NAMES)}; all by default")
    options = parser.parse_args()
    if not set(options.targets) <= set(NAMES):
        parser.error("there is no such target")
    if options.in_this_process:
        fuzz_one(options.targets[0], options.seconds)
    worst = 0
    for name in options.targets or NAMES:
        sys.stdout.write(f"== {name}, {options.seconds} seconds\n")
        sys.stdout.flush()
        command = [
            sys.executable,
            "-m",
            "tests.fuzz",
            "--in-this-process",
            "--seconds",
            str(options.seconds),
            name,
        ]
        code = subprocess.run(command, check=False).returncode
        sys.stdout.write(
            f"== {name}: {'nothing found' if code == 0 else f'FOUND SOMETHING (exit code {code})'}\n"
        )
        worst = max(worst, int(code != 0))
    return worst


if __name__ == "__main__":
    sys.exit(main())
