"""`meyasubako witness serve`: one hardened gunicorn on one directory.

Rules upheld here:

- It refuses to start on keys that others can read, on records that disagree, and beside another one.
- The process is made like a mechanism's doors (see `service.door`): nothing of gunicorn's is configured from
  outside, no proxy is believed, nothing of a request is logged. Keys and records are opened in the workers.
"""

import json
import os
import resource
import socket
import sys
from functools import partial
from pathlib import Path
from typing import Final, TextIO

from gunicorn.http import wsgi as gunicorn_wsgi  # type: ignore[import-untyped]  # gunicorn has no types

from meyasubako.service import door
from meyasubako.service.config import Limits, parse_address
from meyasubako.service.errors import StartError
from meyasubako.service.exclusive import only_one
from meyasubako.service.witness.app import create_app
from meyasubako.service.witness.protocol import Witness

SERVE_LOCK: Final = "serve.lock"
LIMITS: Final = Limits(workers=2, threads=16)
BACKLOG: Final = 512


def serve(directory: Path, bind: str, *, as_json: bool = False, out: TextIO | None = None) -> None:
    """Serve until SIGTERM or SIGINT; writes the address to `out` (standard output) once it is bound.

    Port 0 takes any free one. Ends the process when it is done. Raises `KeysError`, `NoWitnessError`,
    `MemoryLostError`, `AlreadyRunningError` or `StartError` if it cannot start.
    """
    out = out or sys.stdout
    directory = directory.resolve()
    Witness.open(directory).memory.close()
    with _bound(bind) as listener, only_one(directory / SERVE_LOCK, "meyasubako witness serve"):
        os.umask(0o077)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        host, port = listener.getsockname()[:2]
        address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        out.write((json.dumps({"witness": address}) if as_json else f"witness  {address}") + "\n")
        out.flush()
        # gunicorn has no setting for it: the class that writes answers always names the server.
        gunicorn_wsgi.Response = door.QuietResponse
        # From here on the descriptor is gunicorn's, which closes it.
        door.Door(partial(create_app, directory), door.settings(listener.detach(), LIMITS)).run()


def _bound(bind: str) -> socket.socket:
    try:
        host, port = parse_address(bind)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except ValueError:
        raise StartError("where to listen is said as HOST:PORT") from None
    except OSError as error:
        raise StartError(f"the witness cannot listen on {bind}: {error.strerror}") from error
