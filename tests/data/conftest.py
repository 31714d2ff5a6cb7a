"""A server on this machine that sends one file in many ways, good and bad."""

import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

CONTENT = bytes(range(256)) * 1024


class Handler(BaseHTTPRequestHandler):
    """The first folder of the address says how the file is sent; what is not named here is sent whole and well."""

    def do_GET(self) -> None:
        web, kind = self.server.web, self.path.split("/")[1]
        web.asked.append(self.path)
        web.ranges.append(self.headers.get("Range", ""))
        web.conditions.append(self.headers.get("If-Range", ""))
        first = web.asked.count(self.path) == 1
        if kind == "missing":
            self.send_error(404)
        elif kind == "redirect":
            self.send_response(302)
            self.send_header("Location", self.path.replace("redirect", "good"))
            self.end_headers()
        elif kind == "page":
            self._send(b"<html>please register</html>", {"Content-Type": "text/html"})
        elif kind in ("busy", "always_busy") and (first or kind == "always_busy"):
            self.send_response(503 if kind == "busy" else 429)
            self.send_header("Retry-After", web.retry_after)
            self.end_headers()
        elif kind == "truncated":
            self._send(web.content, until=100_000)
        elif kind == "unmeasured":
            self._send(web.content, until=100_000, measured=False)
        elif kind == "odd_length":
            self._send(web.content, {"Content-Length": "many"}, measured=False)
        elif kind == "corrupted":
            self._send(web.content[:-1] + b"!")
        elif kind == "stalled":
            self._send(web.content, until=100_000)
            web.released.wait(10)
        elif kind == "slow":
            self._send(web.content, seconds=0.1)
        elif kind == "without_ranges":
            self._send(web.content)
        elif kind == "wrong_range" and self.headers.get("Range"):
            self._send(web.content, {"Content-Range": f"bytes 0-{len(web.content) - 1}/{len(web.content)}"}, status=206)
        elif kind in ("breaking", "changing"):  # a piece a request
            self._send_rest(until=100_000)
            if kind == "changing" and first:
                web.etag, web.content = '"newer"', web.newer
        else:
            self._send_rest(seconds=web.seconds)

    def _send_rest(self, until: int | None = None, seconds: float = 0) -> None:
        """Send what a good server sends: a part if it is asked for, and still the same file."""
        web = self.server.web
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(asked[1]) if asked and self.headers.get("If-Range", web.etag) == web.etag else 0
        headers = {"ETag": web.etag} if web.etag else {}
        if not start:
            self._send(web.content, headers, until=until, seconds=seconds)
        elif start >= len(web.content):
            self._send(b"", {"Content-Range": f"bytes */{len(web.content)}"}, status=416)
        else:
            headers["Content-Range"] = f"bytes {start}-{len(web.content) - 1}/{len(web.content)}"
            self._send(web.content[start:], headers, status=206, until=until, seconds=seconds)

    def _send(self, body, headers=None, *, status=200, until=None, seconds=0.0, measured=True) -> None:
        self.send_response(status)
        if measured:
            self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        body = body[:until]
        for start in range(0, len(body), 2**16):
            try:
                self.wfile.write(body[start : start + 2**16])
            except (BrokenPipeError, ConnectionResetError):  # who asked is gone
                return
            time.sleep(seconds)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


class Web:
    """The server's address, what it sends, and what it was asked for."""

    def __init__(self, port: int) -> None:
        self.root = f"http://127.0.0.1:{port}"
        self.content, self.newer, self.etag = CONTENT, CONTENT[::-1], '"first"'
        self.seconds, self.retry_after = 0.0, "0"
        self.asked, self.ranges, self.conditions = [], [], []
        self.released = threading.Event()

    def base(self, kind: str) -> str:
        return f"{self.root}/{kind}/"


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """A server that runs as long as the test."""
    monkeypatch.delenv("COURSE_DATA_DIR", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr("course_lib.data.download.PAUSE_S", 0.01)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.web = Web(server.server_port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.web
    server.web.released.set()
    server.shutdown()
    server.server_close()
    thread.join()
