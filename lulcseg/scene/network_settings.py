"""GDAL's settings for the network, where its messages go, and what a server's refusal means.

GDAL's environment variables are left as the user has set them, credentials among them; what isn't set gets a value
here, so that a server that fails for a while is asked again, a bounded number of times.
"""

from __future__ import annotations

import logging
import os

from lulcseg.errors import LulcsegError
from lulcseg.files import hide_secrets
from lulcseg.scene.file_names import FileName

NETWORK = {
    "GDAL_HTTP_MAX_RETRY": "4",  # after statuses 429, 502, 503 and 504 and some failures of the connection
    "GDAL_HTTP_RETRY_DELAY": "1",  # seconds, about doubled each time
    "GDAL_HTTP_CONNECTTIMEOUT": "15",  # seconds
    "GDAL_HTTP_LOW_SPEED_TIME": "60",  # seconds without …
    "GDAL_HTTP_LOW_SPEED_LIMIT": "1",  # … so many bytes a second: slow servers are waited for, stalled ones are not
}
"""GDAL's settings for reading over the network, where the environment has no others."""

_MESSAGES = "CPL_LOG"
"""File for what GDAL says outside rasterio's environments, as of masks and in threads: else on the terminal.

Addresses in it are as they were given, with passwords. What matters of it is in exceptions too.
"""

PASSING = frozenset({0, 429, 500, 502, 503, 504})
"""HTTP statuses after which a server may answer when it is asked again; 0: it can't be reached."""

TRANSIENT = "try again: finished strips of a map are kept"
"""Remedy for failures that may pass."""

_REMEDIES = {
    401: "give GDAL's credentials in environment variables (such as GDAL_HTTP_USERPWD), or a signed address",
    403: "give GDAL's credentials in environment variables (such as AWS_ACCESS_KEY_ID, AWS_NO_SIGN_REQUEST=YES for "
    "public files), or a fresh signed address",
    404: "check the address",
    410: "check the address",
    429: "wait, or set GDAL_HTTP_MAX_RETRY and GDAL_HTTP_RETRY_DELAY higher",
}
_LOGGERS = ("rasterio._env", "rasterio._err", "rasterio._io", "rasterio._base", "pyogrio._io", "pyogrio._err")


def prepare_network() -> None:
    """Set GDAL's settings for the network where the environment doesn't, for this process and those it starts.

    What GDAL says is shown nowhere, unless ``CPL_LOG`` names a file; log records of it lose what is secret.
    """
    for key, value in {**NETWORK, _MESSAGES: os.devnull}.items():
        os.environ.setdefault(key, value)
    for name in _LOGGERS:  # a filter is added once, however often it is asked for
        logging.getLogger(name).addFilter(_hide_in_log)


def failed_status(file: FileName, status: int) -> LulcsegError:
    """Return the sentence for a server's refusal."""
    return LulcsegError(
        f"the server answered with HTTP status {status}", where=file, remedy=_REMEDIES.get(status, TRANSIENT)
    )


def page_instead(what: str, kind: str, file: FileName) -> LulcsegError:
    """Return the sentence for a server that answers with a page of the web where a file is expected.

    Args:
        what: What is wrong with the file, as a clause.
        kind: The media type that the server states.
        file: The file.
    """
    return LulcsegError(
        f"{what}: the server answered with a page ({kind})",
        where=file,
        remedy="open the address in a browser; where it logs in, give GDAL's credentials in environment variables "
        "(such as GDAL_HTTP_USERPWD), or a signed address",
    )


def _hide_in_log(record: logging.LogRecord) -> bool:
    """Take secrets out of a library's log record."""
    record.msg, record.args = hide_secrets(record.getMessage()), ()
    return True
