"""Memory of large tensors on a CPU."""

from __future__ import annotations

import ctypes
import os
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""GNU libc's numbers of the parameters that ``mallopt`` sets."""
_MOST = 2**31 - 1


def keep_freed_memory() -> bool:
    """Have GNU libc keep the memory of freed tensors for the next ones.

    By default it requests each large block from the system and returns it at once, and every page of it is zeroed
    on first touch. A network's activations are such blocks: on a CPU that takes a third of a forward pass
    (``benchmarks/step.py --memory`` shows it). Peak memory rises by a tenth or two: before version 2.38 the library
    can't reuse an aligned block for one of the same size until its small caches beside it are full.

    The environment (``MALLOC_MMAP_THRESHOLD_``, ``MALLOC_TRIM_THRESHOLD_``, ``GLIBC_TUNABLES``) takes precedence.

    Returns:
        Whether it was set; other systems have no such setting.
    """
    variables = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES")
    if sys.platform != "linux" or any(name in os.environ for name in variables):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:  # another C library
        return False
    return bool(mallopt(_MMAP_THRESHOLD, _MOST)) and bool(mallopt(_TRIM_THRESHOLD, _MOST))
