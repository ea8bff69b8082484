#!/bin/sh
# The study on two CPU cores, whole: every trial, one after the other. What is done is left alone, so that it goes on where it was
# cut off. From the project's folder:
#
#     sh docs/study/mini.sh                    the synthetic landscape (likely 3 hours: 2.3 of training and mapping by the runs' records)
#     DATA=../shared/data sh docs/study/mini.sh   and the real imagery (docs/study/real_scenes.py says which)
#
# JOBS runs go on at once, each on one thread; CACHE keeps the landscapes.
set -u
PYTHON=${PYTHON:-.venv/bin/python}
CACHE=${CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/lulcseg}
JOBS=${JOBS:-2}
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
at_once="hydra/launcher=joblib hydra.launcher.n_jobs=$JOBS cache=$CACHE"
maps='scenes.assess=[mini2018,mini2015,mini2018_other]'
failed=0
train() { "$PYTHON" train.py -m study=mini $at_once "$@" || failed=1; }
predict() { "$PYTHON" predict.py -m $at_once "$@" || failed=1; }
study() { "$PYTHON" -m lulcseg.cli study "$@" || failed=1; }

# The paper's own arms
for trial in augmentation scaling patch_size batch_size full_training; do train +sweeps=$trial; done
predict +sweeps=passes "$maps"

# Those that take their artefacts apart
predict +sweeps=pass_sets "$maps"
predict +sweeps=pass_weights "$maps"
train +sweeps=sampling
study ground mini2018_training runs/patch_size/patch1024_grid/seed0/plan.gpkg runs/scenes/grid_ground.yaml --cache "$CACHE"
train +sweeps=sampling +experiment=stratified_ground 'scenes.train=[runs/scenes/grid_ground.yaml]'
train +sweeps=augmentation_time
predict +sweeps=patch_window mosaic.patch_size=256 "$maps"
train +sweeps=batch_steps
train +sweeps=batch_rates 'scenes.train=[mini2018_dev_training]' 'scenes.assess=[mini2018_dev]'
# of 10 and 100 the best rate there was the common one, so that only 280 is trained anew
train +sweeps=batch_steps trial.name=batch_tuned trial.contrast.kind=null +experiment=batch280 optim.learning_rate=0.003
train +sweeps=patch_batch
for each in berry:"Berry Crops" teatree:"Tea Tree Plantation" vineyards:Vineyards; do
    study class mini2018_training "${each#*:}" "runs/scenes/${each%%:*}_training.yaml" --cache "$CACHE"
    study class mini2018 "${each#*:}" "runs/scenes/${each%%:*}.yaml" --cache "$CACHE"
done
train +sweeps=one_class

# Real imagery, where it is at hand
if [ -n "${DATA:-}" ]; then
    "$PYTHON" docs/study/real_scenes.py "$DATA" runs/scenes
    k=runs/scenes/korea
    korea="scenes.train=[${k}2023_east.yaml]"
    korea_maps="scenes.assess=[${k}2023_east.yaml,${k}2023_west.yaml,${k}2024_east.yaml,${k}2024_west.yaml]"
    train +sweeps=augmentation trial.name=korea_augmentation "$korea" "$korea_maps"
    train +sweeps=scaling trial.name=korea_scaling "$korea" "$korea_maps"
    d=runs/scenes/dubai_tile
    dubai="scenes.train=[${d}1.yaml,${d}2.yaml,${d}3.yaml]"
    dubai_maps="scenes.assess=[${d}3.yaml,${d}6.yaml]"
    train +sweeps=patch_size trial.name=dubai_sampling +experiment=patch512_grid,patch512_stratified sampling.background=Land \
        trial.contrast.kind=difference 'trial.contrast.values=[patch512_grid,patch512_stratified]' "$dubai" "$dubai_maps"
    train +sweeps=augmentation trial.name=dubai_augmentation +experiment=augment_on trial.contrast.kind=null \
        'trial.contrast.values=[]' "$dubai" "$dubai_maps"
    predict +sweeps=passes trial.name=dubai_passes \
        'checkpoint=runs/dubai_sampling/patch512_stratified/seed${seed}/checkpoints/best.ckpt' "$dubai_maps"
fi

# Results, effects, tables, figures
trials=$(for trial in runs/*/trial.json; do dirname "$trial"; done)
study results $trials --out docs/study --cache "$CACHE" --labels mini2018 mini2015 mini2018_other
study tables docs/study
study samples runs/patch_size/patch512_stratified/seed0 mini2018 --out docs/study --cache "$CACHE"
exit $failed
