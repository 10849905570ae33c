"""A mechanism as it is really served, in processes of its own."""

import json
import os
import subprocess
import sys

SERVE = """
import sys, pathlib
from meyasubako.service.supervisor import serve
serve(pathlib.Path(sys.argv[1]), as_json=True)
"""


class Server:
    """A served mechanism; `base` is the address of the reporter's door."""

    def __init__(self, directory, temporary):
        self.command = [sys.executable, "-c", SERVE, str(directory)]
        self.environment = {**os.environ, "TMPDIR": str(temporary)}
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True, env=self.environment)
        told = {}
        while "ready" not in told:
            line = self.process.stdout.readline()
            assert line, "the service ended before it was ready"
            told |= json.loads(line)
        address = told["doors"]["reporter"]
        self.base = address if address.startswith("http") else f"http://{address}"

    def stop(self):
        self.process.terminate()
        self.process.wait(30)
        self.process.stdout.close()
