"""Tags of a text state row, size and verdict, and each is held against the effects."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from lulcseg.cli import main
from lulcseg.errors import LulcsegError
from lulcseg.study.claims import check_claims, check_file, read_claims
from tests.support.checkout import ROOT

EFFECTS = pd.DataFrame({
    "row": ["A1.held", "A2.date", "M1.own"], "effect": [-0.386, 0.135, 0.0004],
    "verdict": ["differs", "can't be told", "no difference"],
})  # fmt: skip


def test_what_the_effects_bear_out_passes() -> None:
    text = (
        "It costs [A1.held −0.39*], gains [A2.date +0.135?],\nand [M1.own 0.00=] nothing; see [a page](x.md) and [A]."
    )
    assert check_claims(text, EFFECTS) == []
    assert [claim.line for claim in read_claims(text)] == [1, 1, 2]


@pytest.mark.parametrize(
    ("tag", "part"),
    [
        ("[A1.held +0.39*]", "is −0.39*, and the text states +0.39*"),
        ("[A1.held −0.38*]", "is −0.39*, and the text states −0.38*"),
        ("[A1.held −0.39=]", "and the text states −0.39="),
        ("[A9.held −0.39*]", "no row of the effects"),
    ],
)
def test_a_wrong_sign_size_verdict_or_row_is_told(tag: str, part: str) -> None:
    (told,) = check_claims(f"\nAugmentation {tag}.", EFFECTS)
    assert part in told
    assert told.startswith("line 2:")


def test_a_tag_without_a_size_is_refused() -> None:
    with pytest.raises(LulcsegError, match="states no effect and verdict"):
        read_claims("It costs accuracy [A1.held].")


def test_the_command_counts_claims_and_refuses_wrong_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text, table = tmp_path / "study.md", tmp_path / "effects.csv"
    EFFECTS.to_csv(table, index=False)
    text.write_text("It costs [A1.held −0.39*].")
    main(["study", "claims", str(text), str(table)])
    assert "1 claims" in capsys.readouterr().out
    main(["study", "claims", str(text), str(text), str(table)])
    assert "2 claims" in capsys.readouterr().out
    text.write_text("It gains [A1.held +0.39*].")
    with pytest.raises(SystemExit) as stopped:
        main(["study", "claims", str(text), str(table)])
    assert stopped.value.code == 2
    with pytest.raises(LulcsegError, match="can't be read"):
        check_file(tmp_path / "none.md", table)


PAGES = sorted(path.name for path in (ROOT / "docs" / "study" / "trials").glob("*.md"))


@pytest.mark.parametrize("page", ["study.md", *(f"study/trials/{name}" for name in PAGES)])
def test_the_claims_of_the_study_are_borne_out(page: str) -> None:
    assert check_file(ROOT / "docs" / page, ROOT / "docs" / "study" / "effects.csv") > 2


def test_a_trial_has_a_page() -> None:
    assert {"augmentation.md", "sources.md", "real_imagery.md"} <= set(PAGES)
