"""Ports for servers that are stopped and started again at the same address."""

import socket

_KEPT: list[socket.socket] = []


def kept_port() -> int:
    """A loopback port that nobody else is given before this process ends.

    A socket that is bound and never listens keeps it: other processes that ask for any port get another one,
    and a server that reuses addresses binds beside it, as often as it is started.
    """
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    _KEPT.append(holder)
    return int(holder.getsockname()[1])
