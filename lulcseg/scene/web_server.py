"""What a web server says of a file, and small files read whole from one."""

from __future__ import annotations

import base64
import http.client
import os
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit, urlunsplit

from lulcseg.errors import LulcsegError
from lulcseg.scene.file_names import RemoteFile
from lulcseg.scene.network_settings import PASSING, failed_status, page_instead, prepare_network

_SECONDS = 30.0


@dataclass(frozen=True)
class ServerAnswer:
    """What a web server answers.

    Attributes:
        status: HTTP status; 0 if it can't be reached.
        reason: Why it can't be reached.
        size: Bytes of the whole file, None if it doesn't say.
        tag: Its ETag.
        modified: Its Last-Modified.
        kind: Its media type, such as text/html; empty if it doesn't say.
        content: The part of the file that was asked for.
    """

    status: int
    reason: str = ""
    size: int | None = None
    tag: str | None = None
    modified: str | None = None
    kind: str = ""
    content: bytes = b""

    @property
    def is_file(self) -> bool:
        """Whether it is a file, or a part of one."""
        return self.status in {200, 206}

    @property
    def is_page(self) -> bool:
        """Whether it is a page of the web by what the server says."""
        return self.kind in {"text/html", "application/xhtml+xml"}

    def check(self, file: RemoteFile) -> None:
        """Check that it is the file.

        Raises:
            LulcsegError: It can't be reached, or the server refuses it.
        """
        if self.status == 0:
            raise LulcsegError(
                f"it can't be reached ({self.reason})", where=file, remedy="check the address and the network"
            )
        if not self.is_file:
            raise failed_status(file, self.status)


def ask(file: RemoteFile, *, patiently: bool = True) -> ServerAnswer:
    """Ask a file's web server for its size and state.

    It asks for one byte, since signed addresses often refuse a request for headers alone.

    Args:
        file: The file; it has an address on a web server.
        patiently: Whether a server that fails is asked again, as often as GDAL would.
    """
    return _answer(file, {"Range": "bytes=0-0"}, 1, retry_delays() if patiently else [])


def fetch(file: RemoteFile) -> bytes:
    """Return the whole content of a small file that has an address on a web server.

    Raises:
        LulcsegError: It can't be reached, or the server refuses it or sends a page to be looked at.
    """
    answer = _answer(file, {}, None, retry_delays())
    answer.check(file)
    if answer.is_page and answer.content.lstrip().startswith(b"<"):  # some call any text so
        raise page_instead("it can't be read", answer.kind, file)
    return answer.content


def retry_delays() -> list[float]:
    """Return the seconds to wait before each further attempt, as GDAL's settings have them."""
    prepare_network()
    first, attempts = float(os.environ["GDAL_HTTP_RETRY_DELAY"]), int(os.environ["GDAL_HTTP_MAX_RETRY"])
    return [first * 2**attempt for attempt in range(attempts)]


def _answer(file: RemoteFile, headers: dict[str, str], most: int | None, delays: Sequence[float]) -> ServerAnswer:
    answer = _asked(file, headers, most)
    for delay in delays:
        if answer.status not in PASSING:
            break
        time.sleep(delay)
        answer = _asked(file, headers, most)
    return answer


def _asked(file: RemoteFile, headers: dict[str, str], most: int | None) -> ServerAnswer:
    """Ask once, and read at most some bytes of the answer."""
    assert file.url is not None
    parts = urlsplit(file.url)
    user, _, host = parts.netloc.rpartition("@")
    login = {"Authorization": f"Basic {base64.b64encode(unquote(user).encode()).decode()}"} if user else {}
    request = urllib.request.Request(urlunsplit(parts._replace(netloc=host)), headers=headers | login)
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
            told = answer.headers
            size = (told.get("Content-Range") or "").rpartition("/")[2] or told.get("Content-Length") or ""
            return ServerAnswer(
                answer.status,
                size=int(size) if size.isdigit() else None,
                tag=told.get("ETag"),
                modified=told.get("Last-Modified"),
                kind=told.get_content_type() if "Content-Type" in told else "",
                content=answer.read(most),
            )
    except urllib.error.HTTPError as error:
        return ServerAnswer(error.code)
    except (OSError, http.client.HTTPException, ValueError) as error:
        return ServerAnswer(0, str(getattr(error, "reason", None) or error) or type(error).__name__)
