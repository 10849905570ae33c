import os
import subprocess
from pathlib import Path

import pytest

GO = Path(__file__).parent / "go"
# Debian's Go and its libraries' sources: nothing is fetched.
GO_ENVIRONMENT = {"GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOFLAGS": "", "GOTOOLCHAIN": "local"}


@pytest.fixture(scope="session")
def logcheck(tmp_path_factory):
    """The program of tests/interop/go: gives its exit status and what it printed."""
    folder = tmp_path_factory.mktemp("go")
    program = folder / "logcheck"
    environment = {**os.environ, **GO_ENVIRONMENT, "GOCACHE": str(folder / "cache")}
    try:
        subprocess.run(["go", "build", "-o", str(program), "."], cwd=GO, env=environment, check=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.fail("Go does not build it here: `make test-interop` installs what is missing, or names it")

    def run(*arguments):
        words = [str(program), *map(str, arguments)]
        ended = subprocess.run(words, capture_output=True, text=True, check=False, timeout=300)
        return ended.returncode, ended.stdout + ended.stderr

    return run
