"""What the doors' processes and the clock have in common: they end with their supervisor."""

import ctypes
import os
import signal
import sys
from typing import Final

from meyasubako.service.errors import StartError

_PR_SET_PDEATHSIG: Final = 1


def follow_supervisor(supervisor: int) -> None:
    """End with the supervisor (its process id), however it ends; take signals again that it had blocked."""
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != supervisor:
        raise StartError("the supervisor is gone")
