"""What the supervisor and its processes agree on: which doors there are, and that all end with it.

No web framework is known here, nor by the supervisor and the clock: they serve nobody.
"""

import ctypes
import os
import signal
import sys
from typing import Final

from meyasubako.service.errors import StartError

DOORS: Final = ("reporter", "handler", "log")
FORM_KEY_SIZE: Final = 32
# How long a door finishes what it has begun.
GRACE_SECONDS: Final = 10
_PR_SET_PDEATHSIG: Final = 1


def follow_supervisor(supervisor: int) -> None:
    """End with the supervisor (its process id), however it ends; take signals again that it had blocked."""
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != supervisor:
        raise StartError("the supervisor is gone")
