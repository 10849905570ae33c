"""A Tor network of our own on the loopback interface: authorities, relays, an onion service, a client.

Nothing leaves 127.0.0.1: our authorities are the only ones that anybody here knows, no relay lets anything
out, and every relay's address is local. Needs Debian's `tor` only.
"""

import random
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

AUTHORITIES = 3
RELAYS = 4
PATIENCE = 120.0

# See tor(1), "TESTING NETWORK OPTIONS": all that keeps a network of seven from being one.
COMMON = """
TestingTorNetwork 1
TestingDirAuthVoteExit *
TestingDirAuthVoteHSDir *
TestingDirAuthVoteGuard *
TestingMinExitFlagThreshold 0
V3AuthNIntervalsValid 2
PathsNeededToBuildCircuits 0.67
ShutdownWaitLength 1
"""
RELAY = """
Address 127.0.0.1
OutboundBindAddress 127.0.0.1
AssumeReachable 1
ExitRelay 0
ExitPolicy reject *:*
SocksPort 0
ContactInfo nobody@example.org
NumCPUs 1
"""
# The first consensus after 5 seconds, then one every 10; votes and signatures take 2 seconds each.
AUTHORITY = """
AuthoritativeDirectory 1
V3AuthoritativeDirectory 1
TestingV3AuthInitialVotingInterval 5
TestingV3AuthInitialVoteDelay 2
TestingV3AuthInitialDistDelay 2
V3AuthVotingInterval 10
V3AuthVoteDelay 2
V3AuthDistDelay 2
"""


class TorError(Exception):
    """A node ended, or something did not come in time; with the end of what the node wrote."""


_given: set[int] = set()


def free_port() -> int:
    """A port that nothing listens on, below those that the kernel gives to outgoing ones; each once."""
    while True:
        port = random.randrange(12_000, 32_000)
        if port in _given:
            continue
        with socket.socket() as tried:
            try:
                tried.bind(("127.0.0.1", port))
            except OSError:
                continue
            _given.add(port)
            return port


def wait_until(come: Callable[[], bool], what: str, patience: float = PATIENCE) -> None:
    """Look again and again until it is so."""
    deadline = time.monotonic() + patience
    while not come():
        if time.monotonic() > deadline:
            raise TorError(f"{what}: not within {patience:.0f} seconds")
        time.sleep(0.1)


@dataclass
class Node:
    """One tor process, its folder, and the lines of its configuration."""

    folder: Path
    lines: str
    process: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def log(self) -> str:
        path = self.folder / "log"
        return path.read_text() if path.exists() else ""

    def start(self) -> None:
        """Start tor with these lines and nothing of the system's configuration."""
        torrc = self.folder / "torrc"
        torrc.write_text(f"DataDirectory {self.folder}\nLog notice file {self.folder}/log\n{self.lines}")
        none = self.folder / "none"
        none.touch()
        with (self.folder / "printed").open("wb") as printed:
            self.process = subprocess.Popen(
                ["tor", "--defaults-torrc", none, "-f", torrc], stdout=printed, stderr=subprocess.STDOUT
            )

    def check(self) -> None:
        """Raise if it has ended."""
        if self.process is not None and self.process.poll() is not None:
            raise TorError(f"{self.name} ended: {(self.folder / 'printed').read_text()[-1500:]}")

    def bootstrapped(self) -> bool:
        """Whether it knows the network well enough to use it."""
        self.check()
        return "Bootstrapped 100%" in self.log

    def reload(self) -> None:
        """Let it read its files again, as `systemctl reload tor` does."""
        assert self.process is not None
        self.process.send_signal(signal.SIGHUP)

    def stop(self) -> None:
        """End it."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@dataclass
class Network:
    """The network, and who uses it. `begin` starts authorities and relays, `join` whoever comes after."""

    place: Path
    nodes: list[Node] = field(default_factory=list)
    known: str = ""

    def begin(self) -> None:
        """Start authorities and relays; returns when their first consensus lists all of them."""
        names = [f"authority{n}" for n in range(AUTHORITIES)] + [f"relay{n}" for n in range(RELAYS)]
        ports = {name: (free_port(), free_port()) for name in names}
        with ThreadPoolExecutor(AUTHORITIES) as threads:
            lines = threads.map(lambda name: self._make_authority(name, *ports[name]), names[:AUTHORITIES])
        self.known = "\n".join(lines)
        for name, (onions, directory) in ports.items():
            own = f"Nickname {name}\nORPort 127.0.0.1:{onions} IPv4Only\nDirPort 127.0.0.1:{directory}\n"
            duty = AUTHORITY if name in names[:AUTHORITIES] else ""
            self._start(name, own + RELAY + duty)
        wait_until(self._agreed, "a consensus of all relays")

    def join(self, name: str, lines: str) -> Node:
        """Start a client or an onion service. Before there is a consensus it would wait longer each time."""
        return self._start(name, lines)

    def end(self) -> None:
        """Stop everything."""
        for node in self.nodes:
            if node.process is not None:
                node.process.terminate()
        for node in self.nodes:
            node.stop()

    def _start(self, name: str, lines: str) -> Node:
        node = Node(self._folder(name), f"{COMMON}{self.known}\n{lines}")
        self.nodes.append(node)
        node.start()
        return node

    def _folder(self, name: str) -> Path:
        folder = self.place / name
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def _agreed(self) -> bool:
        for node in self.nodes:
            node.check()
        path = self.nodes[0].folder / "cached-microdesc-consensus"
        flags = re.findall(r"^s .*$", path.read_text(), re.MULTILINE) if path.exists() else []
        return len(flags) == len(self.nodes) and all(" HSDir " in each for each in flags)

    def _make_authority(self, name: str, onions: int, directory: int) -> str:
        """Make an authority's keys; gives the line by which everybody knows it."""
        folder = self._folder(name)
        keys = self._folder(f"{name}/keys")
        certificate = keys / "authority_certificate"
        made = [
            "-i",
            keys / "authority_identity_key",
            "-s",
            keys / "authority_signing_key",
            "-c",
            certificate,
        ]
        where = ["-m", "3", "-a", f"127.0.0.1:{directory}"]
        _run(["tor-gencert", "--create-identity-key", "--passphrase-fd", "0", *made, *where], b"none\n")
        (identity,) = re.findall(r"^fingerprint ([0-9A-F]{40})$", certificate.read_text(), re.MULTILINE)
        asked = ["--list-fingerprint", "--datadirectory", folder, "--orport", str(onions), "--nickname", name]
        # It asks for some authority before it says its fingerprint; this one is never spoken to.
        someone = ["--dirserver", f"x 127.0.0.1:1 {'f' * 40}"]
        told = _run(["tor", "--ignore-missing-torrc", "-f", folder / "none", *asked, *someone])
        fingerprint = told.strip().splitlines()[-1].removeprefix(name).replace(" ", "")
        how = f"orport={onions} no-v2 v3ident={identity}"
        return f"DirAuthority {name} {how} 127.0.0.1:{directory} {fingerprint}"


def _run(words: Sequence[str | Path], typed: bytes = b"") -> str:
    return subprocess.run(words, input=typed, capture_output=True, check=True).stdout.decode()


def installed() -> bool:
    """Whether Debian's `tor` is there."""
    return shutil.which("tor") is not None and shutil.which("tor-gencert") is not None
