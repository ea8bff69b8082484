"""The script that ``lulcseg completion`` prints completes in the shell itself."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from lulcseg.cli import main

ASK = """
source /dev/stdin
ask() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _shtab_lulcseg; echo "${COMPREPLY[@]}"; }
ask lulcseg ass
ask lulcseg assess --strata-s
ask lulcseg assess --design post
ask lulcseg sweep st
"""


def printed(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    pytest.importorskip("shtab")
    main(["completion", shell])
    return capsys.readouterr().out


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_bash_completes_commands_options_and_choices(capsys: pytest.CaptureFixture[str]) -> None:
    script = printed("bash", capsys)
    done = subprocess.run(["bash", "-c", ASK], input=script, capture_output=True, text=True, check=True)
    assert done.stdout.split("\n") == ["assess", "--strata-sizes", "post-stratified", "status", ""]


def test_zsh_gets_a_script_of_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    script = printed("zsh", capsys)
    assert script.startswith("#compdef lulcseg")
    assert "_files" in script
    for command in ("train", "assess", "completion", "init"):
        assert f"    {command}:" in script


def test_without_shtab_a_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    with pytest.raises(SystemExit) as left:
        main(["completion", "bash"])
    assert left.value.code == 2
    assert capsys.readouterr().err.endswith("isn't installed; run pip install 'lulcseg[completion]'.\n")
