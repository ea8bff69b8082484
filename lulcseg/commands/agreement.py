"""``lulcseg agreement``: agreement between several interpreters of the same points."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from lulcseg.commands.parsers import Commands, add_command, as_target

if TYPE_CHECKING:
    from lulcseg.assessment.interpreters import Agreement


def add(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands, "agreement", _run, help="compare several interpreters' copies of one reference sample"
    )
    parser.add_argument(
        "files",
        nargs="+",
        metavar="file",
        help="copies of one sample, one per interpreter: files, or layers of one (<file>|layername=<layer>)",
    )
    parser.add_argument("--column", default="class", help="column that holds the class (default: %(default)s)")
    parser.add_argument("--out", type=as_target, help="write the points on which they disagree, .gpkg or .csv")


def _run(arguments: argparse.Namespace) -> None:
    from lulcseg.assessment.interpreters import agreement_of, write_discussion
    from lulcseg.maps.output_guards import check_not_replaced

    if arguments.out is not None:
        check_not_replaced([arguments.out], arguments.files)
    found = agreement_of(arguments.files, arguments.column)
    _print_agreement(found)
    if arguments.out is not None:
        write_discussion(found, arguments.out)
        sys.stdout.write(f"{arguments.out}\n")


def _print_agreement(found: Agreement) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from lulcseg.assessment.scores import format_score

    console = Console()
    console.print(
        f"{found.complete:,} points with a class by all {len(found.interpreters)}: all agree on "
        f"{format_score(found.overall)} of them, Fleiss' kappa {format_score(found.fleiss)}. "
        f"To discuss: {len(found.discuss):,} points.",
        highlight=False,
    )
    for pair in found.pairs:
        title = (
            f"{pair.first} (rows) and {pair.second}: {pair.n:,} points, agreement {format_score(pair.agreement)}, "
            f"Cohen's kappa {format_score(pair.kappa)}"
        )
        table = Table(title=Text(title), title_justify="left", title_style="bold", box=SIMPLE_HEAD)
        table.add_column("class", overflow="fold")
        for name in pair.confusion.columns:
            table.add_column(Text(str(name)), justify="right")
        for label, row in pair.confusion.iterrows():
            table.add_row(Text(str(label)), *(f"{int(count):,}" for count in row))
        console.print(table)
