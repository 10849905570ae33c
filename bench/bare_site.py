"""What a visit is compared with: Flask and nothing else, under the same gunicorn settings as our doors.

Every request is answered with a short page; forms are parsed; the last one of a visit is inserted into
SQLite, durable when it is answered.
"""

import argparse
import sqlite3
import threading
from functools import partial
from pathlib import Path

from flask import Flask, request

from meyasubako.service.config import Limits
from meyasubako.service.door import Door, settings

PAGE = "<!doctype html><title>Questions</title><form method=post><button>Continue</button></form>"


def create_app(directory: Path) -> Flask:
    app = Flask(__name__)
    local = threading.local()

    def connection() -> sqlite3.Connection:
        if not hasattr(local, "connection"):
            local.connection = sqlite3.connect(directory / "bare.db", isolation_level=None, timeout=60)
            local.connection.execute("PRAGMA journal_mode=WAL")
            local.connection.execute("PRAGMA synchronous=FULL")
            local.connection.execute("CREATE TABLE IF NOT EXISTS report (id INTEGER PRIMARY KEY, text BLOB)")
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
    Door(partial(create_app, options.directory), settings(options.socket, Limits())).run()


if __name__ == "__main__":
    main()
