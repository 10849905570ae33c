"""The witness's door: two addresses of C2SP tlog-witness, and a page that says whose they are."""

import sqlite3
from pathlib import Path

from flask import Flask, Response, request

from meyasubako.service import web
from meyasubako.service.faults import record
from meyasubako.service.witness.errors import MemoryLostError
from meyasubako.service.witness.protocol import BODY_LIMIT, Reply, Witness


def create_app(directory: Path) -> Flask:
    """The application on the witness in a directory; opened in the process that serves it."""
    app = web.Application(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = BODY_LIMIT
    witness = Witness.open(directory)

    @app.post("/add-checkpoint")
    def add_checkpoint() -> Response:
        return _answer(witness.add_checkpoint(request.get_data(cache=False)))

    @app.get("/<origin_hash>/checkpoint")
    def checkpoint(origin_hash: str) -> Response:
        return _answer(witness.monitored(origin_hash))

    @app.get("/")
    def about() -> Response:
        lines = ["A witness (C2SP tlog-witness). Its keys:", "", *witness.vkeys, ""]
        return _answer(Reply(200, "\n".join(lines).encode()))

    @app.errorhandler(MemoryLostError)
    def lost(error: MemoryLostError) -> Response:
        record(error)
        return _answer(Reply(503, b"this witness cosigns nothing: its operator has to look at it\n"))

    @app.errorhandler(sqlite3.OperationalError)
    def busy(error: sqlite3.OperationalError) -> Response:
        record(error)
        return _answer(Reply(503, b"this witness cannot write down what it sees; ask again later\n"))

    web.harden(app, csp=web.API_CSP)
    return app


def _answer(reply: Reply) -> Response:
    # content_type, not mimetype: to that a charset would be added, and 409's type has to be exact.
    return Response(reply.body, status=reply.status, content_type=reply.content_type)
