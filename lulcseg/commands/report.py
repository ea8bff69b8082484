"""``lulcseg report``: write the page of a trial, or rewrite that of a single run."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from lulcseg.commands.parsers import Commands, add_cache, add_command, as_path


def add(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "report",
        _run,
        help="write the page of a trial, of a single run, or of a change between two dates",
        description="Write report.html into the folder of a trial, from its run directories alone, and its tables as "
        "CSV, LaTeX and Markdown into tables/. Given a run directory, rewrite that run's report; given the folder of "
        "lulcseg change, write its page.",
    )
    parser.add_argument(
        "folder",
        type=as_path,
        help="folder of a trial, such as runs/batch_size, a run directory, or the folder of a change",
    )
    parser.add_argument(
        "--full-resolution",
        action="store_true",
        help="trials only: also show a part of each scene at full resolution, where the maps differ most",
    )
    add_cache(parser)


def _run(arguments: argparse.Namespace) -> None:
    from lulcseg.errors import LulcsegError
    from lulcseg.run_folder.folder import RunFolder

    folder: Path = arguments.folder
    if RunFolder(folder).has_record:
        if arguments.full_resolution:
            raise LulcsegError("is a single run", where=folder, remedy="leave --full-resolution out, or give a trial")
        from lulcseg.report.run.run_page import write_report
        from lulcseg.run_folder.sole_writer import sole_writer

        with sole_writer(RunFolder(folder.resolve()), "folder"):
            path = write_report(folder)
    elif (folder / "change.tif").is_file():
        from lulcseg.report.change_page import write_change_report

        path = write_change_report(folder)
    else:
        from lulcseg.report.trial.trial_page import write_trial_report

        path = write_trial_report(folder, full_resolution=arguments.full_resolution, cache=arguments.cache)
    sys.stdout.write(f"{path} ({path.stat().st_size / 1e6:.1f} MB)\n")
