"""``lulcseg report``: the page of a trial, or of a single run, made anew."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "report",
        help="write the page of a trial, or of a single run",
        description="Write report.html into the folder of a trial, from its run directories alone, and its tables as "
        "CSV, LaTeX and Markdown into tables/. Given a run directory, make that run's report anew.",
    )
    parser.add_argument("folder", type=Path, help="folder of a trial, such as runs/batch_size, or a run directory")
    parser.add_argument(
        "--full-resolution",
        action="store_true",
        help="of a trial: also show a part of each scene pixel for pixel, where the maps differ most",
    )
    parser.add_argument("--cache", type=Path, help="folder for label rasters and synthetic scenes")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Write the page and say how large it is."""
    from lulcseg.errors import LulcsegError
    from lulcseg.run_folder.folder import RunFolder

    folder: Path = arguments.folder
    if RunFolder(folder).has_record:
        if arguments.full_resolution:
            raise LulcsegError("is a single run", where=folder, remedy="leave --full-resolution out, or give a trial")
        from lulcseg.report.run.run_page import write_report

        path = write_report(folder)
    else:
        from lulcseg.report.trial.trial_page import write_trial_report

        path = write_trial_report(folder, full_resolution=arguments.full_resolution, cache=arguments.cache)
    sys.stdout.write(f"{path} ({path.stat().st_size / 1e6:.1f} MB)\n")
