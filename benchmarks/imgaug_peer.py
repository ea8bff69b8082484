"""The other side of benchmarks/imgaug_chain.py: starts it with another Python, and asks it for rates."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SINGLE_THREADED = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class Peer:
    """The other Python, which augments with imgaug when asked."""

    def __init__(self, python: Path, folder: Path, image: Any, mask: Any, chains: Sequence[str]) -> None:
        """Start it, and hand it patches: uint8 (B, C, P, P) and classes (B, P, P)."""
        import numpy as np

        from lulcseg.augment.catalogue import operations
        from lulcseg.settings.presets import load_preset

        np.save(folder / "images.npy", np.ascontiguousarray(image.movedim(1, -1).numpy()))
        np.save(folder / "masks.npy", mask.numpy().astype(np.int32))
        command = [str(python), str(Path(__file__).with_name("imgaug_chain.py"))]
        environment = {**os.environ, **SINGLE_THREADED}
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment)
        one_of = [name for name, operation in operations().items() if operation.group == "weather"]
        files = {"images": str(folder / "images.npy"), "masks": str(folder / "masks.npy")}
        self.about = self._ask(
            {**files, "chains": {name: load_preset("augment", name).get("p", {}) for name in chains}, "one_of": one_of}
        )
        self.names = self.about.pop("names")

    def rate(self, name: str, seconds: float) -> float:
        """Return patches a second."""
        return float(self._ask({"name": name, "seconds": seconds})["rate"])

    def close(self) -> dict[str, str]:
        """End it; return its versions."""
        self.process.communicate()
        return self.about

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(json.dumps(question) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # the empty answer tells
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.process.args[0]} ended without an answer; see --help for what it needs")
        return dict(json.loads(line))
