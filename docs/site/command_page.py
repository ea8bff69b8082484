"""Reference of the commands, written from their parsers."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from functools import partial

from wording import cell, code

from lulcseg.cli import command_parser
from lulcseg.invocation import PROGRAMS

_INTRO = """# Commands

`lulcseg COMMAND --help` prints the same. `lulcseg train` and `lulcseg predict` take settings as `key=value`:
those of [training](train.md) and of [prediction](predict.md), and [presets, experiments](presets.md) and
[sweeps](sweeps.md). The others take options.

"""


def command_page() -> str:
    """Return the page."""
    return _INTRO + "\n".join(_sections(command_parser()))


def _sections(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield a section for every command below a parser."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            listed = {choice.dest.partition(" ")[0]: choice for choice in action._choices_actions}
            for name, summary in listed.items():
                yield from _command(action.choices[name], summary)


def _command(parser: argparse.ArgumentParser, summary: argparse.Action) -> Iterator[str]:
    name = parser.prog.removeprefix("lulcseg ")
    if name in PROGRAMS:
        text = f"lulcseg {name} [-m] [key=value ...]"
        yield f"## {parser.prog}\n\n{_sentence(summary.help or '')}\n\n```text\nusage: {text}\n```\n"
        return
    parser.formatter_class = partial(argparse.HelpFormatter, width=88)  # whatever the terminal's width is
    usage = parser.format_usage().strip()
    about = cell(parser.description or _sentence(summary.help or ""))
    rows = "".join(_rows(parser))
    table = f"\n| argument | what it is |\n|---|---|\n{rows}" if rows else ""
    others = [alias for alias in summary.metavar.partition("(")[2].rstrip(")").split(", ") if alias]
    also = f"Other names: {', '.join(map(code, others))}.\n\n" if others else ""
    yield f"## {parser.prog}\n\n{about}\n\n{also}```text\n{usage}\n```\n{table}"
    yield from _sections(parser)


def _rows(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield a row for each argument."""
    formatter = parser._get_formatter()
    for action in parser._actions:
        if action.dest == "help" or isinstance(action, argparse._SubParsersAction):
            continue
        value = "" if action.nargs == 0 else f" {formatter._format_args(action, action.dest.upper())}"
        words = [f"{option}{value}" for option in action.option_strings] or [_positional(action)]
        about = formatter._expand_help(action) if action.help else ""
        choices = f" *(one of: {cell(', '.join(map(str, action.choices)))})*" if action.choices else ""
        yield f"| {', '.join(map(code, words))} | {cell(about)}{choices} |\n"


def _positional(action: argparse.Action) -> str:
    return action.metavar if isinstance(action.metavar, str) else action.dest


def _sentence(text: str) -> str:
    return cell(f"{text[:1].upper()}{text[1:]}.")
