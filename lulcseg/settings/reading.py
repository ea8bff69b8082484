"""How patches are loaded from disk (``reading:``)."""

from __future__ import annotations

from dataclasses import dataclass

from lulcseg.settings.schema import setting


@dataclass
class ReadingSettings:
    """How patches are loaded from disk."""

    workers: int = setting(-1, "Data-loader processes; -1: chosen by the number of cores.", least=-1)
    prefetch: int = setting(4, "Batches that each loader process reads ahead.", least=1)
    decoded: bool = setting(
        False, "Whether imagery is decoded once into memory-mapped files in the cache (their size is reported first)."
    )
