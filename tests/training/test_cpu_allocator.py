"""Freed memory is kept for the next tensors, where the C library can be told to."""

from __future__ import annotations

import platform
import resource
import subprocess
import sys

import pytest

from lulcseg.training.cpu_allocator import keep_freed_memory

SCRIPT = """
import resource, sys
import torch
from lulcseg.training.cpu_allocator import keep_freed_memory
torch.set_num_threads(1)
told = keep_freed_memory() if sys.argv[1] == "keep" else None
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    torch.ones(16_000_000)  # the C library's own small caches fill up between large blocks
before = faults()
for _ in range(10):
    torch.ones(16_000_000)  # 64 MB: 15,625 pages
print(told, faults() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="there is no GNU libc to tell")
def test_pages_are_not_asked_for_anew() -> None:
    faults = {}
    for how in ("keep", "leave"):
        done = subprocess.run([sys.executable, "-c", SCRIPT, how], capture_output=True, text=True, check=True)
        told, count = done.stdout.split()
        assert told == ("True" if how == "keep" else "None")
        faults[how] = int(count)
    pages = 10 * 64_000_000 // resource.getpagesize()
    assert faults["keep"] < pages / 50
    if faults["leave"] < pages / 2:
        pytest.skip("this system's pages are larger, or its faults are not counted")


def test_what_the_environment_says_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "131072")
    assert not keep_freed_memory()
