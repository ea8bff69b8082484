"""The number format by measurement: kept once measured, and no part of it where the processor has AMX."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from lulcseg.training import format_speed, precision
from lulcseg.training.format_speed import SPEEDS, bf16_is_faster, step_seconds


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("LULCSEG_CACHE", str(tmp_path))
    bf16_is_faster.cache_clear()
    yield tmp_path
    bf16_is_faster.cache_clear()


def measures(monkeypatch: pytest.MonkeyPatch, bfloat16: float) -> list[int]:
    calls: list[int] = []

    def seconds() -> dict[str, float]:
        calls.append(1)
        return {"float32": 1.0, "bfloat16": bfloat16}

    monkeypatch.setattr(format_speed, "step_seconds", seconds)
    return calls


@pytest.mark.parametrize(("bfloat16", "faster"), [(0.5, True), (1.3, False), (1.0, False)])
def test_the_faster_format_is_taken_and_kept(
    cache: Path, monkeypatch: pytest.MonkeyPatch, bfloat16: float, faster: bool
) -> None:
    calls = measures(monkeypatch, bfloat16)
    assert bf16_is_faster() is faster
    (kept,) = json.loads((cache / SPEEDS).read_text()).values()
    assert kept == {"float32": 1.0, "bfloat16": bfloat16}
    bf16_is_faster.cache_clear()
    measures(monkeypatch, 1.5 - bfloat16)
    assert bf16_is_faster() is faster, "the same machine decides the same again"
    assert calls == [1]


@pytest.mark.parametrize("spoilt", ["", "[]", '{"x": 1}', '{"x": {"float32": "fast"}}'])
def test_a_spoilt_file_is_measured_anew(cache: Path, monkeypatch: pytest.MonkeyPatch, spoilt: str) -> None:
    monkeypatch.setattr(format_speed, "processor_name", lambda: "x")
    monkeypatch.setattr(torch, "__version__", "1")
    (cache / SPEEDS).write_text(spoilt.replace('"x"', '"x, torch 1"'))
    measures(monkeypatch, 0.5)
    assert bf16_is_faster()
    assert json.loads((cache / SPEEDS).read_text())


def test_a_cache_that_cannot_be_written_is_no_obstacle(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LULCSEG_CACHE", str(tmp_path / "file"))
    measures(monkeypatch, 2.0)
    assert not bf16_is_faster()


@pytest.mark.parametrize(
    ("has", "measured", "expected"),
    [
        ({"amx_bf16": True, "avx512_bf16": True}, None, "bf16-mixed"),
        ({"amx_bf16": False, "avx512_bf16": True}, 0.5, "bf16-mixed"),
        ({"amx_bf16": False, "avx512_bf16": True}, 1.5, "32-true"),
        ({}, None, "32-true"),
    ],
)
def test_auto_asks_only_where_it_is_not_known(
    monkeypatch: pytest.MonkeyPatch, has: dict[str, bool], measured: float | None, expected: str
) -> None:
    calls = measures(monkeypatch, measured or 1.0)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: has, raising=False)
    assert precision.resolve_precision("auto", "cpu") == expected
    assert bool(calls) == (measured is not None)
    assert precision.resolve_precision("16-mixed", "cpu") == "16-mixed"


def test_it_measures_both_and_leaves_the_generator_alone() -> None:
    state = torch.get_rng_state()
    found = step_seconds(channels=4, side=8)
    assert set(found) == {"float32", "bfloat16"}
    assert all(seconds > 0 for seconds in found.values())
    assert torch.equal(torch.get_rng_state(), state)
