"""The entry scripts' common part: from a command line to a run, or to a sweep of runs."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from lulcseg.errors import describe_error, exits_cleanly
from lulcseg.launch.compose import CONF, check_command_line, filled, register_defaults
from lulcseg.launch.jobs import Job, jobs_of
from lulcseg.processes import export_import_path

_ASKS_ONLY = {"--help", "-h", "--hydra-help", "--version", "--info", "-i", "--cfg", "-c", "--resolve"}


def run_hydra(name: str, task: Callable[[Any], None]) -> None:
    """Compose ``conf/<name>.yaml`` from the command line and run it.

    A single run is handed to ``task``. Of several trainings each is a process of its own. Of a trial's sweep
    (:mod:`lulcseg.launch.sweeping`) what is done is left alone, too, and the state of all is told at the end.

    Args:
        name: "train" or "predict".
        task: Called with the filled-in schema.
    """
    register_defaults()
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")
    with exits_cleanly():
        asks_only = bool(_ASKS_ONLY & set(sys.argv[1:]))
        if not asks_only:
            check_command_line(name, sys.argv[1:])
        overrides = None if asks_only else _multirun_overrides(sys.argv[1:])
        if overrides is None:
            _hand_to_hydra(name, partial(_single, name, task))
            return
        export_import_path()  # a launcher's processes
        command = f"python {shlex.join([f'{name}.py', *sys.argv[1:]])}"
        jobs = jobs_of(name, overrides)
        if jobs[0].settings.trial.name is not None:
            _sweep(name, jobs, command)
        elif name == "train":
            _hand_to_hydra(name, partial(_apart, name, command))
        else:
            _hand_to_hydra(name, partial(_single, name, task))


def _sweep(name: str, jobs: Sequence[Job], command: str) -> None:
    """Run a trial's sweep; leave with exit code 1 unless all of its runs are done or being run elsewhere."""
    from lulcseg.launch.status import print_status, survey
    from lulcseg.launch.sweeping import begin_sweep

    folder = begin_sweep([job.settings for job in jobs])
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C, so that what is left is told
    broken: BaseException | None = None
    try:
        _hand_to_hydra(name, partial(_replicate, name, command))
    except KeyboardInterrupt as error:
        broken = error
    except Exception as error:  # a launcher's own failure: what it ran is in the folders
        broken = error
        sys.stderr.write(f"lulcseg: the launcher failed ({describe_error(error)}).\n")
    wanted = {(job.settings.trial.value, job.settings.seed) for job in jobs}
    mine = [run for run in survey(folder) if (run.value, run.seed) in wanted]
    print_status(folder, mine)
    unfinished = [run for run in mine if run.state not in {"done", "running"}]
    if isinstance(broken, KeyboardInterrupt):
        sys.stderr.write("lulcseg: interrupted; the same command goes on where it was.\n")
        raise SystemExit(130)
    if unfinished or broken is not None:
        left = "1 run is" if len(unfinished) == 1 else f"{len(unfinished)} runs are"
        sys.stderr.write(f"lulcseg: {left} not done; the same command tries again.\n")
        raise SystemExit(1)


def _hand_to_hydra(name: str, run: Callable[[dict[str, Any]], None]) -> None:
    """Let Hydra read the command line and call ``run`` with each job's plain settings."""
    import hydra
    from omegaconf import DictConfig, OmegaConf

    @hydra.main(version_base="1.3", config_path=str(CONF), config_name=name)
    def job(config: DictConfig) -> None:
        plain = OmegaConf.to_container(config, resolve=True)
        assert isinstance(plain, dict)
        run({str(key): value for key, value in plain.items()})

    job()


def _single(name: str, task: Callable[[Any], None], plain: dict[str, Any]) -> None:
    with exits_cleanly():
        task(filled(name, plain))


def _replicate(name: str, command: str, plain: dict[str, Any]) -> None:
    from lulcseg.launch.sweeping import run_replicate

    run_replicate(name, filled(name, plain), command)


def _apart(name: str, command: str, plain: dict[str, Any]) -> None:
    from lulcseg.launch.sweeping import run_apart

    run_apart(name, filled(name, plain), command)


def _multirun_overrides(argv: Sequence[str]) -> list[str] | None:
    """Return what a sweep's command line overrides, or None without ``-m``."""
    from hydra._internal.utils import get_args_parser

    arguments = get_args_parser().parse_args(list(argv))
    return list(arguments.overrides) if arguments.multirun else None
