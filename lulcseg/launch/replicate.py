"""The process of one replicate of a trial: ``python -m lulcseg.launch.replicate RUN_DIR``.

A sweep starts it. With several devices Lightning starts the other ranks with the same command line.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from lulcseg.errors import LulcsegError, describe_error, exits_cleanly, failure_state
from lulcseg.files import read_json, write_json
from lulcseg.launch.child_process import end_with_parent
from lulcseg.launch.compose import SCHEMAS
from lulcseg.launch.sweep_runs import SCORE, note_failure
from lulcseg.launch.trial_folder import Settings
from lulcseg.processes import is_rank_zero
from lulcseg.run_folder.folder import RunFolder
from lulcseg.settings.config import TrainConfig
from lulcseg.settings.from_plain import fill


def main(argv: Sequence[str] | None = None) -> None:
    """Run the request in a folder's ``replicate.json``; failures are recorded in the folder."""
    end_with_parent()
    (folder,) = sys.argv[1:] if argv is None else argv
    run = RunFolder(Path(folder))
    with exits_cleanly():
        request = read_json(run.request)
        if request is None:
            raise LulcsegError("there is no request to run in it", where=run.path, remedy="run its sweep")
        settings: Settings = fill(SCHEMAS[request["program"]], request["settings"], str(run.request))
        try:
            score = _run(settings, request["command"])
        except BaseException as error:
            if is_rank_zero():
                note_failure(run, settings, failure_state(error), describe_error(error))
            if isinstance(error, KeyboardInterrupt):
                raise SystemExit(130) from None
            raise
        if is_rank_zero():
            write_json(run.request, request | {SCORE: score})


def _run(settings: Settings, command: str) -> float | None:
    from lulcseg.run.predict import predict
    from lulcseg.run.train import train

    if isinstance(settings, TrainConfig):
        return train(settings, goes_on=True, command=command)
    return predict(settings, goes_on=True, command=command)


if __name__ == "__main__":
    main()
