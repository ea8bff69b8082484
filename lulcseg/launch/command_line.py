"""Reading the command line of an entry script, and checking what it names before Hydra sees it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from pathlib import Path
from typing import Any

from lulcseg.errors import LulcsegError, did_you_mean
from lulcseg.files import hide_secrets
from lulcseg.invocation import call_of
from lulcseg.launch.compose import SCHEMAS
from lulcseg.launch.experiments import series_of_experiments
from lulcseg.launch.hydra_settings import check_hydras_key
from lulcseg.settings.configuration_folders import SWEEPS, files_of, group_names, own_file
from lulcseg.settings.plain_yaml import read_yaml
from lulcseg.settings.schema import TARGET, free_keys, known_keys, suggest_key

_HYDRAS_OWN = ("hydra", "hydra.runtime", "hydra.overrides", "hydra.mode", "hydra.job.id", "hydra.job.num")
"""Keys that Hydra fills in while it composes and starts jobs."""

_MOST_RUNS = 10_000

_GLOBAL = re.compile(r"^\s*#\s*@package\s+_global_\s*$", re.MULTILINE)

_NO_GROUPS = {"scenes"}  # scene files are named by plain strings


@dataclass(frozen=True)
class CommandLine:
    """A command line that names known settings and options alone.

    Attributes:
        program: "train" or "predict".
        overrides: Its overrides as they were written; ``trial=… value=…`` as the checkpoint that they stand for.
        parsed: The same, as Hydra's parser read them.
        multirun: Whether it has ``-m``.
    """

    program: str
    overrides: list[str]
    parsed: list[Any]
    multirun: bool


def read_command_line(program: str, argv: Sequence[str]) -> CommandLine:
    """Read the command line of an entry script. Values are not checked: composing does that.

    Args:
        program: "train" or "predict".
        argv: What follows the script's name.

    Raises:
        LulcsegError: An override that names no setting or no option of a group, several values or ``+sweeps=`` without
            ``-m``, or a sweep of the other script.
    """
    from hydra._internal.utils import get_args_parser
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import OverrideParseException

    arguments = get_args_parser().parse_args(list(argv))
    overrides = list(arguments.overrides)
    try:
        parsed = OverridesParser.create().parse_overrides(overrides)
        if program == "predict" and (short := _replicates_as_checkpoint(overrides, parsed)) is not None:
            overrides = short
            parsed = OverridesParser.create().parse_overrides(overrides)
    except OverrideParseException as error:
        message = str(error).splitlines()[0]
        raise LulcsegError(
            hide_secrets(f"can't read the override '{error.override}' ({message})"), where="command line",
            remedy=hide_secrets(f"write key=value{quoting_that_works(str(error.override))}"),
        ) from error  # fmt: skip
    except ValueError as error:
        raise LulcsegError(
            f"can't read the overrides ({str(error).splitlines()[0][:200]})", where="command line",
            remedy="write key=value",
        ) from error  # fmt: skip
    line = CommandLine(program, overrides, parsed, bool(arguments.multirun))
    options = groups()
    targets = _may_have_targets(line)
    for override in parsed:
        _check_key(program, override, options, targets)
        _check_several(line, override)
        _check_option(override, options)
        if str(override.key_or_group) == SWEEPS:
            _check_program(program, override)
    check_number(parsed)
    return line


def quoting_that_works(override: str) -> str:
    r"""Return how a shell and Hydra take an override's value as one text, for the end of a remedy.

    Signs such as = , ( ) [ ] in a path need Hydra's quotes inside the shell's.

    >>> print(quoting_that_works("scene=year=2018/scene.yaml"))
    ; for one text of this value, write "scene='year=2018/scene.yaml'"
    """
    key, equals, value = override.partition("=")
    if not equals or not value or "'" in value or '"' in value:
        return ""
    return f"; for one text of this value, write \"{key}='{value}'\""


def groups() -> dict[str, list[str]]:
    """Return the Hydra groups and the names of their options."""
    found = {group: list(files_of(group)) for group in {*group_names(), SWEEPS} - _NO_GROUPS}
    found["experiment"] = sorted({*found["experiment"], *series_of_experiments()})
    return found


def program_of(sweep: str) -> str:
    """Return which script runs a sweep: "train" or "predict", by the base that its file names."""
    bases = [str(entry) for entry in read_yaml(files_of(SWEEPS)[sweep]).get("defaults", [])]
    return "predict" if "base/predict" in bases else "train"


def _replicates_as_checkpoint(overrides: Sequence[str], parsed: Sequence[Any]) -> list[str] | None:
    """Return overrides with ``trial=FOLDER value=NAME`` written as ``checkpoint=FOLDER/NAME``; None without any.

    Raises:
        LulcsegError: One of the two without the other, several values, or a checkpoint beside them.
    """
    found = {str(override.key_or_group): override for override in parsed}
    given = [found[key] for key in ("trial", "value") if key in found]
    if not given:
        return None
    if len(given) < 2 or "checkpoint" in found or any(override.is_sweep_override() for override in given):
        raise LulcsegError(
            f"'{' '.join(str(override.input_line) for override in given)}' doesn't name the replicates of one value",
            where="command line",
            remedy="write trial=runs/<trial> value=<value> without checkpoint=, or checkpoint=runs/<trial>/<value>",
        )
    folder = Path(str(given[0].value())) / str(given[1].value())
    quoted = str(folder).replace("\\", "\\\\").replace("'", "\\'")
    left = [text for text, override in zip(overrides, parsed, strict=True) if override not in given]
    return [*left, f"checkpoint='{quoted}'"]


def _may_have_targets(line: CommandLine) -> set[str]:
    """Return the sections for which a command line, or an option that it chooses, may set a ``_target_``."""
    given = {str(override.key_or_group) for override in line.parsed}
    known = known_keys(SCHEMAS[line.program])
    sections = {key.removesuffix(f".{TARGET}") for key in known if key.endswith(f".{TARGET}")}
    if {"experiment", SWEEPS} & given:
        return sections
    return {section for section in sections if {section, f"{section}.{TARGET}"} & given}


def _check_key(program: str, override: Any, options: Mapping[str, Any], targets: Collection[str]) -> None:
    """Refuse an override that names no setting."""
    key = str(override.key_or_group)
    line = override.input_line or key
    if _is_hydras(key):
        if key in _HYDRAS_OWN or key.startswith(tuple(f"{own}." for own in _HYDRAS_OWN[1:])):
            raise LulcsegError(f"'{line}' is what Hydra itself fills in", where="command line", remedy="leave it out")
        check_hydras_key(key, line)
        return
    schema = SCHEMAS[program]
    known = known_keys(schema)
    if key in options or key in known:
        return
    if any(key.startswith(f"{free}.") for free in (*targets, *free_keys(schema))):
        return  # an argument of a target, or an entry of a mapping: Hydra asks for a + where it is new
    hint = did_you_mean(key, [*options, *(k for k in known if "." not in k)])
    if not hint.startswith("did you mean") or "." in key:
        hint = suggest_key(key, schema)
    raise LulcsegError(f"'{line}' names no setting", where="command line", remedy=hint)


def _check_several(line: CommandLine, override: Any) -> None:
    """Refuse what needs several runs without ``-m``."""
    key = str(override.key_or_group)
    if line.multirun or _is_hydras(key):
        return
    if key == SWEEPS:
        raise LulcsegError(
            "+sweeps= needs -m",
            where="command line",
            remedy=f"write {call_of(line.program)} -m {override.input_line}",
        )
    if override.is_sweep_override():
        raise LulcsegError(
            f"'{override.input_line}' gives several values for {key}",
            where="command line",
            remedy="add -m to run them all, or write a list in brackets: [a,b]"
            + quoting_that_works(str(override.input_line)),
        )


def check_number(parsed: Sequence[Any]) -> None:
    """Check that the overrides of a sweep have a number of runs that somebody may want, before any is composed.

    Raises:
        LulcsegError: They don't.
    """
    runs = 1.0
    for override in parsed:
        if override.is_range_sweep():
            swept = override.value()
            steps = (swept.stop - swept.start) / swept.step if swept.step else inf
            runs *= max(1.0, steps)
        elif override.is_choice_sweep() and hasattr(override.value(), "list"):  # others are globs of options
            runs *= max(1, len(override.value().list))
    if not runs <= _MOST_RUNS:
        number = f"{runs:,.0f}" if isfinite(runs) else "endlessly many"
        raise LulcsegError(
            f"the sweep has {number} runs, more than {_MOST_RUNS:,}", where="command line", remedy="give fewer values"
        )


def _check_option(override: Any, options: Mapping[str, Sequence[str]]) -> None:
    """Check that the options chosen of a group exist, so that the error is one sentence."""
    key = str(override.key_or_group)
    known = options.get(key)
    if known is None:
        return
    if override.is_delete():
        if override.value() is not None and not isinstance(override.value(), str):
            raise LulcsegError(
                f"'{override.input_line}' names no option of {key} to take away", where="command line",
                remedy=f"write ~{key}",
            )  # fmt: skip
        return
    values = list(override.sweep_string_iterator()) if override.is_sweep_override() else [override.value()]
    values = [each for value in values for each in (value if isinstance(value, list) else [value])]
    for value in values:
        if not isinstance(value, str):
            raise LulcsegError(
                f"'{override.input_line}' doesn't name an option of {key}", where="command line",
                remedy=did_you_mean(str(value), known),
            )  # fmt: skip
        if value not in known:
            raise LulcsegError(
                f"'{override.input_line}': there is no {key if key == SWEEPS else f'conf/{key}'}/{value}.yaml",
                where="command line",
                remedy=did_you_mean(value, known),
            )
        if (own := own_file(key, value)) is not None:
            _check_own(key, own)


def _check_own(key: str, path: Path) -> None:
    """Check that a user's file of configuration is YAML and, if it sets several sections, says so to Hydra."""
    read_yaml(path)
    if key in {"experiment", SWEEPS} and not _GLOBAL.search(path.read_text(encoding="utf-8")):
        raise LulcsegError(
            "it doesn't begin with the line '# @package _global_', by which its keys are those of the whole run",
            where=path,
            remedy="add the line at its top",
        )


def _check_program(program: str, override: Any) -> None:
    """Check that a sweep is of this script."""
    own = program_of(str(override.value()))
    if own != program:
        what = "predicts models that are trained already" if own == "predict" else "trains models"
        raise LulcsegError(
            f"+sweeps={override.value()} {what}", where="command line",
            remedy=f"write {call_of(own)} -m {override.input_line}",
        )  # fmt: skip


def _is_hydras(key: str) -> bool:
    return key == "hydra" or key.startswith(("hydra.", "hydra/"))
