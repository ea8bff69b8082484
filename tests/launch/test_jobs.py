"""The jobs of a sweep, each with settings of its own."""

from __future__ import annotations

from lulcseg.launch.compose import hydra_of, load
from lulcseg.launch.jobs import prepared_jobs


def test_an_interpolation_on_the_command_line_is_each_jobs_own() -> None:
    line = ["+sweeps=batch_size", "+experiment=batch10,batch50", "seed=3", "run_dir=/t/${trial.value}/seed${seed}"]
    with hydra_of("train"):
        jobs = prepared_jobs("train", load("train", line, several=True))
    assert [job.settings.run_dir for job in jobs] == ["/t/batch10/seed3", "/t/batch50/seed3"]
