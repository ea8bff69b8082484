"""Weights of the Hugging Face Hub where it may not be reachable: from its cache, or one error without waiting."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

_SECONDS = 5.0
"""How long the Hub is waited for."""


@contextmanager
def hub_access() -> Iterator[None]:
    """Let a library load from the Hub; if it can't be reached, from its cache alone, without retries and their lines.

    Raises:
        ConnectionError: The Hub can't be reached, and something that the block asked for isn't in its cache.
    """
    from huggingface_hub import constants
    from huggingface_hub.errors import LocalEntryNotFoundError, OfflineModeIsEnabled

    reason = obstacle()
    logger, offline = logging.getLogger("huggingface_hub"), constants.HF_HUB_OFFLINE
    level = logger.level
    try:
        if reason is not None:
            constants.HF_HUB_OFFLINE = True  # read at each request
        logger.setLevel(logging.ERROR)
        yield
    except (LocalEntryNotFoundError, OfflineModeIsEnabled) as error:
        why = reason or str(error).splitlines()[0]
        raise ConnectionError(f"{why}, and they are not in its cache, {constants.HF_HUB_CACHE}") from error
    finally:
        constants.HF_HUB_OFFLINE = offline
        logger.setLevel(level)


@cache
def obstacle() -> str | None:
    """Return why the Hub can't be used, as a clause, or None: looked up once in a process, by a single request."""
    from huggingface_hub import constants, get_session

    if constants.HF_HUB_OFFLINE:
        return "HF_HUB_OFFLINE is set"
    host = constants.ENDPOINT.partition("://")[2]
    try:
        answer = get_session().head(constants.ENDPOINT, timeout=_SECONDS)
    except Exception as error:  # whatever the network, a proxy or the client raises
        return f"{host} can't be reached: {(str(error).splitlines() or [type(error).__name__])[0]}"
    return f"{host} answers {answer.status_code}" if answer.status_code >= 500 else None
