"""What a visit is compared with: Flask and nothing else, under the same gunicorn settings as our doors.

Every request is answered with a short page; forms are parsed; the last one of a visit is inserted into
SQLite, durable when it is answered.
"""

import argparse
import sqlite3
import threading
from contextlib import closing
from functools import partial
from pathlib import Path

from flask import Flask, request

from meyasubako.service.config import Limits
from meyasubako.service.door import Door, settings

PAGE = "<!doctype html><title>Questions</title><form method=post><button>Continue</button></form>"


def connect(directory: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(directory / "bare.db", isolation_level=None, timeout=60)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    return connection


def create_app(directory: Path) -> Flask:
    app = Flask(__name__)
    local = threading.local()

    def connection() -> sqlite3.Connection:
        if not hasattr(local, "connection"):
            local.connection = connect(directory)
        return local.connection

    @app.get("/")
    @app.get("/<path:_path>")
    def page(_path: str = "") -> str:
        return PAGE

    @app.post("/")
    @app.post("/<path:_path>")
    def posted(_path: str = "") -> str:
        if request.form.get("page") == "review":
            connection().execute("INSERT INTO report (text) VALUES (?)", (request.form["state"],))
        return PAGE

    return app


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--socket", type=int, required=True)
    options = parser.parse_args()
    # Before two processes come: the change to a write-ahead log waits for nobody, and fails.
    with closing(connect(options.directory)) as connection:
        connection.execute("CREATE TABLE report (id INTEGER PRIMARY KEY, text BLOB)")
    Door(partial(create_app, options.directory), settings(options.socket, Limits())).run()


if __name__ == "__main__":
    main()
