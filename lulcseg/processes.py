"""Which of a run's processes this is."""

from __future__ import annotations

import os


def is_lead() -> bool:
    """Whether this process is the first of a run's: the one that writes."""
    return all(os.environ.get(name, "0") == "0" for name in ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID"))
