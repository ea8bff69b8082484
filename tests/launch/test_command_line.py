"""The command line: what can't be read gets a sentence with what works."""

from __future__ import annotations

import re

import pytest

from lulcseg.errors import LulcsegError
from lulcseg.launch.command_line import read_command_line


@pytest.mark.parametrize("path", ["year=2018/s.yaml", "a,b/s.yaml", "Kopie (1)/s.yaml", "Farm [1]/s.yaml"])
def test_paths_with_signs_of_hydra_get_the_quoting_that_works(path: str) -> None:
    with pytest.raises(LulcsegError) as caught:
        read_command_line("train", [f"scene={path}"])
    (written,) = re.findall(r"for one text of this value, write \"(.*)\"", str(caught.value))
    line = read_command_line("train", [written])
    assert line.parsed[0].value() == path
