"""Memory of large tensors on a CPU."""

from __future__ import annotations

import ctypes
import os
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""GNU libc's numbers for what ``mallopt`` sets."""
_MOST = 2**31 - 1


def keep_freed_memory() -> bool:
    """Let GNU libc keep the memory of tensors that are freed, for the next ones.

    By default it asks the system for each large block anew and gives it back at once, and every page of it is zeroed
    on first touch. A network's activations are such blocks: on a CPU that takes a third of a forward pass
    (``benchmarks/step.py --memory`` shows it). Peak memory rises by a tenth or two: before version 2.38 the library
    can't reuse an aligned block for one of the same size until its small caches beside it are full.

    What the environment says (``MALLOC_MMAP_THRESHOLD_``, ``MALLOC_TRIM_THRESHOLD_``, ``GLIBC_TUNABLES``) stands
    over it.

    Returns:
        Whether it was set; on other systems there is nothing to set.
    """
    told = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES")
    if sys.platform != "linux" or any(name in os.environ for name in told):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:  # another C library
        return False
    return bool(mallopt(_MMAP_THRESHOLD, _MOST)) and bool(mallopt(_TRIM_THRESHOLD, _MOST))
