"""A store of objects for tests: the file server's folders as buckets."""

from __future__ import annotations

import pytest

from tests.support.file_server import FileServer


def use_buckets(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let s3:// lead to the server's folders, by GDAL's environment variables."""
    for key, value in {
        "AWS_S3_ENDPOINT": f"127.0.0.1:{server.port}", "AWS_HTTPS": "NO", "AWS_VIRTUAL_HOSTING": "FALSE",
        "AWS_NO_SIGN_REQUEST": "YES",
    }.items():  # fmt: skip
        monkeypatch.setenv(key, value)
