"""A file server on the loopback, with ranges and validators, that fails as told.

It is a process of its own: GDAL holds Python's lock while it waits for some answers, as rasterio does for masks.
"""

from __future__ import annotations

import hashlib
import json
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

USUAL = {
    "ranges": True,  # whether it answers requests for a part of a file with that part
    "validators": True,  # whether it sends ETag and Last-Modified
    "refused": [],  # statuses of the next requests, first to last
    "status": None,  # status of all requests, if not the usual one
    "statuses": {},  # statuses of all requests for files by the ending of their names
    "kinds": {},  # content types by the ending of files' names
    "answers_left": None,  # requests for parts that it answers before it cuts every connection
    "cut": 0,  # how many of the next requests for parts it cuts
    "delay": 0.0,  # seconds before an answer
}
"""What the server does unless told otherwise."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        if self.path == "/asked":
            self._send(200, json.dumps(self.server.asked).encode())
        else:
            self._answer(body=True)

    def do_POST(self) -> None:
        self.server.told |= json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.clear()
        self._send(200, b"done")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def _answer(self, *, body: bool) -> None:
        told, asked = self.server.told, self.headers.get("Range")
        time.sleep(told["delay"])
        path = self.server.folder / self.path.split("?")[0].lstrip("/")
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", asked or "")
        with self.server.lock:
            forced = told["refused"].pop(0) if told["refused"] else told["status"]
            forced = next((s for end, s in told["statuses"].items() if path.name.endswith(end)), forced)
            if told["answers_left"] is not None and wanted and body:
                told["answers_left"] -= 1
            cut = told["answers_left"] is not None and told["answers_left"] < 0
            if told["cut"] and wanted and body:
                told["cut"], cut = told["cut"] - 1, True
        if cut:
            self.server.asked.append([self.command, self.path, asked, 0])
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        status = forced or (200 if path.is_file() else 404)
        content = path.read_bytes() if status == 200 else b"no"
        sent, headers = content, {}
        if status == 200 and told["ranges"]:
            headers["Accept-Ranges"] = "bytes"
            if wanted:
                start, stop = int(wanted[1]), int(wanted[2] or len(content) - 1) + 1
                status, sent = (206, content[start:stop]) if start < len(content) else (416, b"")
                headers["Content-Range"] = f"bytes {start}-{min(stop, len(content)) - 1}/{len(content)}"
        if status in {200, 206} and told["validators"]:
            headers["ETag"] = f'"{hashlib.md5(content).hexdigest()}"'
            headers["Last-Modified"] = formatdate(path.stat().st_mtime, usegmt=True)
        kind = next((kind for end, kind in told["kinds"].items() if path.name.endswith(end)), None)
        if status in {200, 206} and kind is not None:
            headers["Content-Type"] = kind
        self.server.asked.append([self.command, self.path, asked, status])
        self._send(status, sent, headers, body=body)

    def _send(self, status: int, content: bytes, headers: dict[str, str] | None = None, *, body: bool = True) -> None:
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, folder: Path, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.folder, self.told, self.lock = folder, dict(USUAL), threading.Lock()
        self.asked: list[list[Any]] = []

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hung up is no error of ours."""


@dataclass(frozen=True)
class FileServer:
    """The server, as seen by a test.

    Attributes:
        port: Its port.
    """

    port: int

    def url(self, name: str) -> str:
        """Return the address of a file in its folder."""
        return f"http://127.0.0.1:{self.port}/{name}"

    def tell(self, **changes: Any) -> None:
        """Change what it does (:data:`USUAL`), and forget what it was asked for; without changes, as usual again."""
        content = json.dumps(changes or USUAL).encode()
        urllib.request.urlopen(self.url(""), data=content).read()

    def asked(self) -> list[tuple[str, str, str | None, int]]:
        """Return the requests so far, each as method, path, range and status (0: cut)."""
        with urllib.request.urlopen(self.url("asked")) as answer:
            return [tuple(each) for each in json.load(answer)]

    def parts(self) -> int:
        """Return how many requests for parts it has answered."""
        return sum(status == 206 for *_, status in self.asked())


@contextmanager
def serving(folder: Path, *, port: int = 0) -> Iterator[FileServer]:
    """Serve a folder on the loopback within a block."""
    server = subprocess.Popen([sys.executable, __file__, str(folder), str(port)], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        yield FileServer(int(server.stdout.readline()))
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


def _main() -> None:
    server = _Server(Path(sys.argv[1]), int(sys.argv[2]))
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    _main()
