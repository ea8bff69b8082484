"""Overrides that make no sense: each is one sentence, and none takes long."""

from __future__ import annotations

import os
import random
from contextlib import suppress

import pytest

from lulcseg.errors import LulcsegError
from lulcseg.launch.compose import SCHEMAS
from lulcseg.launch.jobs import jobs_from
from lulcseg.settings.schema import known_keys

REFUSED = [
    ["logger=false"], ["logger=1"], ["augment=[null]"], ["augment={}"], ["~sampling=1e308"], ["+trainer=false"],
    ["+augment=inf"], ["~model=false"], ["assess=[[1]]"], ["assess=null"], ["model=-1"], ["seed=4294967296"],
    ["seed=1e400"], ["hydra=1"], ["hydra.runtime=null"], ["hydra.overrides=null"],
    ["hydra.mode=MULTIRUN"], ["hydra.runtime.choices=1"], ["scene=${scene}"], ["scene=${nope}"], ["scene=\n"], ["="],
    ["trainer=3"], ["callbacks=[1]"], ["-m", "seed=range(1,5,0)"], ["-m", "seed=range(0,1e9)"],
    ["-m", "seed=range(0,200)", "sampling.seed=range(0,200)"],
]  # fmt: skip

VALUES = [
    "false", "1", "null", "[null]", "[]", "{}", "{a: 1}", "1e308", "nan", "inf", "x", "'~'", "[[1]]", "'${seed}'",
    "'${nope:1}'", "1e400", "'\u0000'", "[1,x]", "{1: 2}", "''", "-1", "0",
]  # fmt: skip

CASES = int(os.environ.get("LULCSEG_TORTURE", "1")) * 40


@pytest.mark.parametrize("argv", REFUSED, ids=" ".join)
def test_an_odd_override_is_refused_in_a_sentence(argv: list[str]) -> None:
    with pytest.raises(LulcsegError) as refused:
        jobs_from("train", argv)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("program", ["train", "predict"])
def test_any_value_of_any_setting_is_taken_or_refused(program: str) -> None:
    rng, keys = random.Random(7), list(known_keys(SCHEMAS[program]))
    for _ in range(CASES // 2):
        prefix = rng.choice(["", "", "", "+", "++", "~"])
        with suppress(LulcsegError):
            jobs_from(program, [f"{prefix}{rng.choice(keys)}={rng.choice(VALUES)}"])
