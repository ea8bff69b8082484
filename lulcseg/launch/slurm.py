"""Whether jobs can be queued in Slurm from this machine."""

from __future__ import annotations

import shutil
from typing import Any

from lulcseg.errors import LulcsegError

_SLURM = "SlurmLauncher"
_NEEDED = ("srun", "sbatch")


def check_slurm(master: Any) -> None:
    """Check that Slurm's commands are here, if a configuration's launcher needs them.

    Args:
        master: The configuration, composed for several jobs.

    Raises:
        LulcsegError: They aren't.
    """
    missing = [command for command in _NEEDED if shutil.which(command) is None]
    if missing and str(master.hydra.launcher._target_).endswith(f".{_SLURM}"):
        raise LulcsegError(
            f"Slurm isn't on this machine: there is no {missing[0]}",
            where=f"hydra/launcher={master.hydra.runtime.choices.get('hydra/launcher')}",
            remedy="start it on a machine that submits jobs, or without Slurm with hydra/launcher=submitit_local",
        )
