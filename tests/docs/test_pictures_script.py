"""docs/pictures.py without a finished demo."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from tests.support.checkout import ROOT


def test_without_a_finished_demo_it_is_a_sentence(tmp_path: Path) -> None:
    write = runpy.run_path(str(ROOT / "docs" / "pictures.py"))["main"]
    for folder in ("cache/synthetic/v1_size2048_seed1", "run/maps"):
        with pytest.raises(SystemExit, match=r"demo holds no finished demo.*make demo DEMO=.*demo$"):
            write(tmp_path / "demo")
        (tmp_path / "demo" / folder).mkdir(parents=True)
    with pytest.raises(SystemExit, match="holds no finished demo"):
        write(tmp_path / "demo")
