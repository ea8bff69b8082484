"""Tags of a text state row, size and verdict, and each is held against the effects."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from lulcseg.cli import main
from lulcseg.errors import LulcsegError
from lulcseg.study.claims import check_claims, check_files, read_claims
from tests.support.checkout import ROOT

EFFECTS = pd.DataFrame({
    "row": ["A1.held", "A2.date", "M1.own"], "effect": [-0.386, 0.135, 0.0004],
    "verdict": ["differs", "can't be told", "no difference"],
    "low": [-0.5219, -0.06, -0.01], "high": [-0.2, 0.335, 0.011], "p_holm": [0.06, 1.0, float("nan")],
    "after": [False, False, False],
})  # fmt: skip
TWICE = pd.concat([EFFECTS, EFFECTS.head(1)]).to_csv(index=False)
WITHOUT_AFTER = EFFECTS.drop(columns="after").to_csv(index=False)


def test_what_the_effects_bear_out_passes() -> None:
    text = (
        "It costs [A1.held −0.39\\*], gains [A2.date +0.135?],\nand [M1.own 0.00=] nothing; see [a page](x.md) and [A]."
    )
    assert check_claims(text, EFFECTS) == []
    assert [claim.line for claim in read_claims(text)] == [1, 1, 2]


@pytest.mark.parametrize(
    ("tag", "part"),
    [
        ("[A1.held +0.39\\*]", "is −0.39*, and the text states +0.39*"),
        ("[A1.held −0.38\\*]", "is −0.39*, and the text states −0.38*"),
        ("[A1.held −0.39=]", "and the text states −0.39="),
        ("[A9.held −0.39\\*]", "no row of the effects"),
        ("[A1.held −0.39‡]", "is −0.39*, and the text states −0.39‡"),
        ("[A1.held −0.39\\*] (−.53 to −.20)", "the interval of A1.held is −0.52 to −0.20"),
        ("**[A2.date +0.14?]** (.06 to .34)", "the interval of A2.date is −0.06 to +0.34"),
        ("[A1.held −0.39\\*] can't be told.", "says that it can't be told"),
        ("No effect can be told [A1.held −0.39\\*].", "says that it can't be told"),
        ("It cannot be told (as so often [A1.held −0.39\\*].)", "says that it can't be told"),
        ("It is inconclusive [A1.held −0.39\\*]", "says that it can't be told"),
        ("[A1.held −0.39\\*] (95 %: −.99 to −.01)", "is no tag's interval"),
        ("[A1.held −0.39\\*], (−.99 to −.01)", "is no tag's interval"),
        ("[A1.held −0.39\\*] (-.99 to -.01)", "is no tag's interval"),
        ("| [A1.held −0.39\\*] and (−.99 to −.01) |", "is no tag's interval"),
        ("shows nothing on 2018 that can be told [A1.held −0.39\\*]", "says that it can't be told"),
        ("We can't tell [A1.held −0.39\\*]", "says that it can't be told"),
        ("makes no difference [A1.held −0.39\\*]", "says that there is no difference"),
        ("No difference was found [A1.held −0.39\\*]", "says that there is no difference"),
        ("gains by it [A1.held −0.39\\*]", "'gains' stands before A1.held, which is −0.39"),
        ("is ahead of none at all [A1.held −0.39\\*]", "'ahead' stands before A1.held"),
        ("| it gains | kappa [A1.held −0.39\\*] |", "'gains' stands before A1.held"),
        ("[A1.held −0.39\\*†]", "A1.held was asked beforehand"),
    ],
)
def test_a_wrong_sign_size_verdict_or_row_is_told(tag: str, part: str) -> None:
    (told,) = check_claims(f"\nAugmentation {tag}.", EFFECTS)
    assert part in told
    assert told.startswith("line 2:")


def test_intervals_and_differences_that_stand_after_correction_are_read() -> None:
    told = EFFECTS.assign(p_holm=[0.01, 0.01, float("nan")])
    text = "It costs [A1.held −0.39‡] (−.52 to −.2); what it gains can't be told, [A2.date +0.135?] (−0.06 to +.335)."
    assert check_claims(text, told) == []
    (wrong,) = check_claims("It costs [A1.held −0.39\\*].", told)
    assert "is −0.39‡" in wrong
    row = (
        "| it gains | [M1.own 0.00=] | can't be told: [A2.date +0.14?] |\nElse [M1.own 0.00=] it is. It can't be told."
    )
    assert check_claims(row, told) == [], "a row has one of them, and the last sentence no tag"


def test_words_that_name_no_single_direction_are_left_alone() -> None:
    text = (
        r"It gains nothing [A1.held −0.39\*]. What rises, falls [A1.held −0.39\*]. It gains elsewhere: here"
        "\n"
        r"it costs [A1.held −0.39\*], and can't be said to gain [A2.date +0.14?]."
    )
    assert check_claims(text, EFFECTS) == []


def test_a_question_of_later_needs_its_mark() -> None:
    later = EFFECTS.assign(after=[True, False, False])
    assert check_claims(r"It costs [A1.held −0.39\*†].", later) == []
    (wrong,) = check_claims(r"It costs [A1.held −0.39\*].", later)
    assert "asked after scores were seen" in wrong


def test_a_bare_asterisk_is_refused() -> None:
    with pytest.raises(LulcsegError, match="begins emphasis"):
        read_claims("It costs [A1.held −0.39*].")


@pytest.mark.parametrize("interval", ["(−.52 to −.34)", "(−.52 to −.34; asked afterwards)", "(95 %; −.5 to .3)"])
def test_an_interval_away_from_its_tag_is_named(interval: str) -> None:
    (wrong,) = check_claims(f"It costs [A1.held −0.39\\*], on five landscapes {interval}.", EFFECTS)
    assert "is no tag's interval" in wrong


@pytest.mark.parametrize("tag", ["[a1.held −0.39\\*]", "[A1held −0.39\\*]", "[ A1.held −0.39\\*]"])
def test_what_only_looks_like_a_tag_is_refused(tag: str) -> None:
    with pytest.raises(LulcsegError, match="looks like a tag"):
        read_claims(f"It costs accuracy {tag}.")


def test_a_text_without_claims_is_refused(tmp_path: Path) -> None:
    EFFECTS.to_csv(tmp_path / "effects.csv", index=False)
    (tmp_path / "text.md").write_text("It costs accuracy.")
    with pytest.raises(LulcsegError, match="makes no claim"):
        check_files([tmp_path / "text.md"], tmp_path / "effects.csv")


def test_a_tag_without_a_size_is_refused() -> None:
    with pytest.raises(LulcsegError, match="states no effect and verdict"):
        read_claims("It costs accuracy [A1.held].")


def test_the_command_counts_claims_and_refuses_wrong_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text, table = tmp_path / "study.md", tmp_path / "effects.csv"
    EFFECTS.to_csv(table, index=False)
    text.write_text("It costs [A1.held −0.39\\*].")
    main(["study", "claims", str(text), str(table)])
    assert "1 claims" in capsys.readouterr().out
    main(["study", "claims", str(text), str(text), str(table)])
    assert "2 claims" in capsys.readouterr().out
    text.write_text("It gains [A1.held +0.39\\*].")
    with pytest.raises(SystemExit) as stopped:
        main(["study", "claims", str(text), str(table)])
    assert stopped.value.code == 2
    with pytest.raises(LulcsegError, match="can't be read"):
        check_files([tmp_path / "none.md"], table)


@pytest.mark.parametrize("content", ["", "row\n", "\0", "row,effect\nA1.held,x\n", TWICE, WITHOUT_AFTER])
def test_effects_that_are_no_table_are_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "text.md").write_text(r"It costs [A1.held −0.39\*].", encoding="utf-8")
    (tmp_path / "effects.csv").write_text(content)
    with pytest.raises(LulcsegError) as refused:
        check_files([tmp_path / "text.md"], tmp_path / "effects.csv")
    assert "effects.csv" in str(refused.value)


def test_a_text_that_cannot_be_read_hides_no_other(tmp_path: Path) -> None:
    EFFECTS.to_csv(tmp_path / "effects.csv", index=False)
    (tmp_path / "one.md").write_text("It costs [A1.held -0.39].", encoding="utf-8")
    (tmp_path / "two.md").write_text(r"It costs [A1.held −0.40\*].", encoding="utf-8")
    with pytest.raises(LulcsegError) as refused:
        check_files([tmp_path / "one.md", tmp_path / "two.md"], tmp_path / "effects.csv")
    assert "one.md, line 1: [A1.held -0.39] states no effect" in str(refused.value)
    assert "two.md, line 1: A1.held is −0.39*" in str(refused.value)


def test_wrong_claims_of_every_text_are_told_at_once(tmp_path: Path) -> None:
    EFFECTS.to_csv(tmp_path / "effects.csv", index=False)
    texts = [tmp_path / "one.md", tmp_path / "two.md"]
    for text in texts:
        text.write_text(r"It costs [A1.held −0.30\*].", encoding="utf-8")
    with pytest.raises(LulcsegError, match=r"one\.md, line 1: .*two\.md, line 1: "):
        check_files(texts, tmp_path / "effects.csv")
    texts[0].write_bytes(b"\xff")
    with pytest.raises(LulcsegError, match="UTF-8"):
        check_files(texts, tmp_path / "effects.csv")


PAGES = sorted(path.name for path in (ROOT / "docs" / "study" / "trials").glob("*.md"))


@pytest.mark.parametrize("page", ["study.md", "study/method.md", *(f"study/trials/{name}" for name in PAGES)])
def test_the_claims_of_the_study_are_borne_out(page: str) -> None:
    assert check_files([ROOT / "docs" / page], ROOT / "docs" / "study" / "effects.csv") > 1


def test_a_trial_has_a_page() -> None:
    assert {"augmentation.md", "sources.md", "real_imagery.md"} <= set(PAGES)
