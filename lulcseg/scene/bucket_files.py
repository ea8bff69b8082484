"""Small files read whole from buckets, with the credentials of GDAL's environment variables.

GDAL isn't asked for them: where a store fails within a file, what it has read so far looks like all of it.
"""

from __future__ import annotations

import os
import re
from typing import Any
from urllib.parse import urlsplit

from lulcseg.errors import LulcsegError
from lulcseg.files import hide_secrets
from lulcseg.scene.file_names import RemoteFile
from lulcseg.scene.network_settings import failed_status, prepare_network

_KINDS = {"/vsis3/": "s3", "/vsigs/": "gs", "/vsiaz/": "az"}
_STATUS = re.compile(r"HTTP status:? (\d{3})")
_FALSE, _TRUE = {"no", "false", "off", "0"}, {"yes", "true", "on", "1"}


def bucket_of(file: RemoteFile) -> str | None:
    """Return the kind of bucket that a file is in (s3, gs, az); None: in none.

    Example:
        >>> bucket_of(RemoteFile("/vsis3/farm/points.csv")), bucket_of(RemoteFile("/vsizip/a.zip/points.csv"))
        ('s3', None)
    """
    return next((kind for prefix, kind in _KINDS.items() if file.gdal_name.startswith(prefix)), None)


def fetch_from_bucket(file: RemoteFile) -> bytes:
    """Return the whole content of a small file in a bucket.

    Raises:
        LulcsegError: It isn't there, the store refuses it or can't be reached, or only part of it came.
    """
    kind = bucket_of(file)
    assert kind is not None
    place = file.gdal_name.removeprefix(f"/vsi{kind}/")
    try:
        store = open_store(kind, file)
        with store.open_input_file(place) as opened:
            size = opened.size()
            content = bytes(opened.read())
    except FileNotFoundError as error:
        raise failed_status(file, 404) from error
    except (OSError, ValueError) as error:  # pyarrow's are of both kinds
        raise _sentence(file, str(error)) from error
    if len(content) != size:
        raise LulcsegError(f"{len(content):,} of its {size:,} bytes came", where=file, remedy="try again")
    return content


def open_store(kind: str, file: RemoteFile) -> Any:
    """Return a store of buckets as pyarrow's file system, with what GDAL's environment variables say of it.

    Args:
        kind: s3, gs or az.
        file: A file in it, for errors.

    Raises:
        LulcsegError: Something is missing that it can't be opened without.
    """
    from pyarrow import fs

    prepare_network()
    if kind == "s3":
        attempts = int(os.environ["GDAL_HTTP_MAX_RETRY"]) + 1
        secure = os.environ.get("AWS_HTTPS", "").lower() not in _FALSE
        address = urlsplit(_with_scheme(os.environ.get("AWS_S3_ENDPOINT", ""), secure=secure))
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        if region is None and not address.netloc:
            region = fs.resolve_s3_region(file.gdal_name.split("/")[2])
        return fs.S3FileSystem(
            anonymous=_is_set("AWS_NO_SIGN_REQUEST"),
            region=region or "us-east-1",
            endpoint_override=address.netloc or None,
            scheme=address.scheme,
            force_virtual_addressing=_is_set("AWS_VIRTUAL_HOSTING"),
            retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=attempts),
            connect_timeout=float(os.environ["GDAL_HTTP_CONNECTTIMEOUT"]),
        )
    if kind == "gs":
        address = urlsplit(_with_scheme(os.environ.get("CPL_GS_ENDPOINT", ""), secure=True))
        return fs.GcsFileSystem(
            anonymous=_is_set("GS_NO_SIGN_REQUEST"), endpoint_override=address.netloc or None, scheme=address.scheme
        )
    given = dict(part.partition("=")[::2] for part in os.environ.get("AZURE_STORAGE_CONNECTION_STRING", "").split(";"))
    account = given.get("AccountName") or os.environ.get("AZURE_STORAGE_ACCOUNT")
    if not account:
        raise LulcsegError("its account isn't known", where=file, remedy="set AZURE_STORAGE_ACCOUNT")
    key = given.get("AccountKey") or os.environ.get("AZURE_STORAGE_ACCESS_KEY")
    token = given.get("SharedAccessSignature") or os.environ.get("AZURE_STORAGE_SAS_TOKEN")
    return fs.AzureFileSystem(account, account_key=key or None, sas_token=None if key else token or None)


def _with_scheme(endpoint: str, *, secure: bool) -> str:
    """Return an endpoint as an address: GDAL takes some with a scheme and some without."""
    return endpoint if "://" in endpoint else f"{'https' if secure else 'http'}://{endpoint}"


def _is_set(name: str) -> bool:
    return os.environ.get(name, "").lower() in _TRUE


def _sentence(file: RemoteFile, said: str) -> LulcsegError:
    """Return the sentence for a file that couldn't be read."""
    if "ACCESS_DENIED" in said:
        return failed_status(file, 403)
    if found := _STATUS.search(said):
        return failed_status(file, int(found[1]))
    reason = hide_secrets(said.splitlines()[0] if said else "no reason is given")[:200]
    return LulcsegError(f"it can't be read ({reason})", where=file, remedy="check the address and the network")
