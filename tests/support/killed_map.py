"""A map made in a process of its own that is killed at a chosen batch."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_SCRIPT = """
import os, signal, sys
from pathlib import Path
from tests.support.pass_plans import MULTIPLE
from tests.support.mosaics import ArrayReader, NormalisedUNet, holes, map_reader, random_image

class Killed(NormalisedUNet):
    def __call__(self, image, valid):
        if len(self.batches) == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__call__(image, valid)

reader = ArrayReader(random_image(131, 101), holes(131, 101))
made = map_reader(
    Path(sys.argv[1]), Killed(), reader, MULTIPLE, patch=32, batch=5, strip=16, outputs=sys.argv[3].split(",")
)
print("resumed", made.strips_resumed)
"""


def map_and_be_killed(folder: Path, after: int, outputs: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Map ``folder`` in multiple passes in a process that is killed (SIGKILL) before batch ``after``, from 0."""
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", _SCRIPT, str(folder), str(after), ",".join(outputs)]
    return subprocess.run(command, env=env, check=False, capture_output=True, text=True)
