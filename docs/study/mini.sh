#!/bin/sh
# The study on two CPU cores, whole: every trial, one after the other, those that the paper's conclusions rest on first. What is done is left
# alone, so that it goes on where it was cut off. From the project's folder:
#
#     sh docs/study/mini.sh                       every part, on synthetic landscapes
#     DATA=../shared/data sh docs/study/mini.sh   and the real imagery (docs/study/real_scenes.py says which)
#     sh docs/study/mini.sh sampling passes       some parts: those of `parts` below
#
# Replicate K of every trial is trained on landscape 31 + K modulo 5, so that five replicates are five trainings on five landscapes. SEEDS=5,6,7,8,9
# trains each landscape a second time. JOBS runs go on at once, each on one thread; CACHE keeps the landscapes.
set -u
trap 'exit 130' INT TERM
PYTHON=${PYTHON:-.venv/bin/python}
CACHE=${CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/lulcseg}
JOBS=${JOBS:-2}
SEEDS=${SEEDS:-0,1,2,3,4}
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
parts="scenes augmentation sampling transfer sources batches losses one_class preprocessing passes real full_training longer pretrained
    ensemble calibration resolution number_format results"
at_once="hydra/launcher=joblib hydra.launcher.n_jobs=$JOBS cache=$CACHE"
failed=0
refuse() { echo "mini.sh: $1" >&2; exit 2; }
command -v "$PYTHON" >/dev/null || refuse "there is no $PYTHON; run make env in the project's folder, or name a Python in PYTHON"
for seed in $(echo "$SEEDS" | tr ',' ' '); do
    case "$seed" in *[!0-9]*) refuse "SEEDS has '$seed'; write numbers with commas: SEEDS=0,1,2" ;; esac
done
case "$SEEDS" in "" | *[!0-9,]*) refuse "SEEDS is '$SEEDS'; write numbers with commas: SEEDS=0,1,2" ;; esac
case "$CACHE" in *[[:space:]]*) refuse "CACHE has a space in '$CACHE'; name a folder without" ;; esac
train() { "$PYTHON" train.py -m study=mini $at_once seed="$SEEDS" "$@" || failed=1; }
predict() { "$PYTHON" predict.py -m $at_once seed="$SEEDS" "scenes.assess=$maps" "$@" || failed=1; }
study() { "$PYTHON" -m lulcseg.cli study "$@" || failed=1; }
every_seed() { echo "$SEEDS" | tr ',' ' '; }
here='runs/scenes/${seed}'
maps="[$here/mini2018.yaml,$here/mini2015.yaml]"
d=runs/scenes/dubai_tile

# One folder of scene files for each replicate: 2018 and 2015 whole, and their western parts, which are trained on
scenes() {
    for seed in $(every_seed); do
        mkdir -p "runs/scenes/$seed"
        for date in 2018 2015; do
            for ground in "" _training; do
                printf 'name: mini%s\nsynthetic: {size: 3072, seed: %s, scene: "%s"}\n' "$date$ground" $((31 + seed % 5)) "$date$ground" \
                    > "runs/scenes/$seed/mini$date$ground.yaml"
            done
        done
        printf 'name: mini2018_training\nsynthetic: {size: 3072, seed: %s, scene: 2018_training, sources: [dsm, nir]}\n' $((31 + seed % 5)) \
            > "runs/scenes/$seed/sources_training.yaml"
        printf 'name: mini2018\nsynthetic: {size: 3072, seed: %s, scene: "2018", sources: [dsm, nir]}\n' $((31 + seed % 5)) \
            > "runs/scenes/$seed/sources.yaml"
    done
}

augmentation() {
    train +sweeps=augmentation
    train +sweeps=scaling +experiment=scaling_on trial.contrast.kind=null 'trial.contrast.values=[]'
}

# Table 5's batches, stratified and on a grid; the grid's ground and its prior, taken apart
sampling() {
    train +sweeps=patch_size
    predict +sweeps=patch_window mosaic.patch_size=256
    train +sweeps=sampling
    for seed in $(every_seed); do
        study ground "runs/scenes/$seed/mini2018_training.yaml" "runs/patch_size/patch1024_grid/seed$seed/plan.gpkg" \
            "runs/scenes/$seed/grid_ground.yaml" --cache "$CACHE"
    done
    train +sweeps=sampling +experiment=stratified_ground "scenes.train=[$here/grid_ground.yaml]"
}

batches() {
    train +sweeps=batch_size
    train +sweeps=batch_steps
    train +sweeps=patch_batch
    # as many steps too; in float32, as the trial `float32` that stands for 512
    train +sweeps=patch_batch trial.name=patch_steps trainer.steps=820 trainer.precision=32-true
}

# Elevation and near-infrared beside colour, from one scene
sources() {
    train +sweeps=sources validation.fraction=0 "scenes.train=[$here/sources_training.yaml]" "scenes.assess=[$here/sources.yaml]"
}

# The recipe for another date, part by part, and the oracle
transfer() {
    train +sweeps=transfer validation.fraction=0 "scenes.unlabelled=[$here/mini2015.yaml]"
    train +sweeps=replicates +experiment=transfer_source trial.name=oracle validation.fraction=0 "scenes.train=[$here/mini2015_training.yaml]"
    adapt augmentation augment_off
    adapt augmentation augment_on
    adapt transfer transfer_source
    adapt transfer transfer
}
adapt() {  # trial, value: its models with the histogram matched
    predict +sweeps=adaptation mosaic=single trial.value="$2" "checkpoint=runs/$1/$2/seed"'${seed}'/checkpoints/best.ckpt
}

losses() {
    train +sweeps=losses +experiment=grid_inverse,stratified_inverse,stratified_effective_number,stratified_focal,stratified_dice_ce
}

# One model a class, each of as many steps as the one of all classes, and one map of them together
one_class() {
    for seed in $(every_seed); do
        while read -r value name; do
            study class "runs/scenes/$seed/mini2018_training.yaml" "$name" "runs/scenes/$seed/class_$value.yaml" --cache "$CACHE"
        done <<CLASSES
banana Banana Plantation
berry Berry Crops
forestry Forestry Plantation
mature Tree Crop - Mature
sugarcane Sugarcane Crop
teatree Tea Tree Plantation
vineyards Vineyards
young Tree Crop - Young
CLASSES
    done
    train +sweeps=one_class +experiment=patch512_stratified "scenes.train=[$here/class_\${trial.value}.yaml]" \
        "scenes.assess=[$here/class_\${trial.value}.yaml]"
    predict +sweeps=joined
}

preprocessing() {
    train +sweeps=preprocessing
    adapt scaling scaling_on
    for value in augment_on_scaled augment_on_scaled_after augment_transfer augment_transfer_scaled augment_transfer_scaled_after; do
        adapt preprocessing $value
    done
}

passes() {
    predict +sweeps=passes
    predict +sweeps=pass_sets
    predict +sweeps=pass_weights
    predict +sweeps=rotations
}

# As many steps as it takes; and augmentation alone at those steps
full_training() {
    train +sweeps=full_training
    train +sweeps=full_training trial.name=full_unscaled scaling=none
}

longer() {
    train +sweeps=longer
    train +sweeps=longer +experiment=transfer_source,transfer validation.fraction=0 "scenes.unlabelled=[$here/mini2015.yaml]"
    train +sweeps=longer +experiment=sources_rgb validation.fraction=0 "scenes.train=[$here/sources_training.yaml]" "scenes.assess=[$here/sources.yaml]"
    train +sweeps=longer +experiment=encoder_random,encoder_imagenet validation.fraction=0
}

pretrained() { train +sweeps=pretrained +experiment=encoder_random,encoder_imagenet validation.fraction=0; }

# Five trainings on each landscape: replicates K, K + 5, … have one
ensemble() {
    own=$SEEDS
    for more in 5 10 15 20; do
        SEEDS=$(for seed in $(echo "$own" | tr ',' ' '); do echo $((seed + more)); done | paste -sd, -)
        scenes
        train +sweeps=augmentation +experiment=augment_off
    done
    SEEDS=$own
    for seed in $(every_seed); do
        members=""
        for more in 0 5 10 15 20; do members="$members,runs/augmentation/augment_off/seed$((seed + more))/checkpoints/best.ckpt"; done
        SEEDS=$seed predict +sweeps=ensemble mosaic=single members=all trial.value=five "checkpoint=[${members#,}]"
    done
    predict +sweeps=ensemble mosaic=single members=all trial.value=one 'checkpoint=runs/augmentation/augment_off/seed${seed}/checkpoints/best.ckpt'
}

# One temperature for each model, fitted on the next landscape
calibration() {
    for seed in $(every_seed); do
        "$PYTHON" -m lulcseg.cli calibrate "runs/augmentation/augment_off/seed$seed/checkpoints/best.ckpt" method=temperature \
            "scene=runs/scenes/$(((seed + 1) % 5))/mini2018.yaml" "cache=$CACHE" || failed=1
    done
    predict +sweeps=calibration mosaic=single calibration=none,temperature 'checkpoint=runs/augmentation/augment_off/seed${seed}/checkpoints/best.ckpt'
}

# Patches of 64², 128² and 256² pixels at half and at twice the landscapes' resolution of 0.5 m: the scene at its own stands in patch_size
resolution() {
    for seed in $(every_seed); do
        land=$(echo "$CACHE"/synthetic/*_size3072_seed$((31 + seed % 5)))
        [ -d "$land" ] || refuse "resolution reads the landscapes, which CACHE doesn't hold; make them first, with any part that trains"
        for metres in 0.25 1; do
            for scene in 2018 2015 2018_training; do
                "$PYTHON" docs/study/resampled_scene.py "$land/scene_$scene.yaml" "mini$scene" $metres \
                    "runs/scenes/$seed/${metres}m_$scene.yaml" || failed=1
            done
        done
    done
    for metres in 0.25 1; do
        train +sweeps=patch_size +experiment=patch256_stratified,patch512_stratified,patch1024_stratified "trial.name=resolution_${metres}m" \
            'trial.contrast.values=[patch256_stratified,patch512_stratified,patch1024_stratified]' "scenes.train=[$here/${metres}m_2018_training.yaml]" \
            "scenes.assess=[$here/${metres}m_2018.yaml,$here/${metres}m_2015.yaml]"
    done
    # the same ground in a patch as at 0.5 m, as many patches a step and steps; compared with the trial `float32`
    train +sweeps=patch_batch +experiment=patch1024_stratified trial.name=resolution_0.25m_steps trainer.steps=820 trainer.precision=32-true \
        "scenes.train=[$here/0.25m_2018_training.yaml]" "scenes.assess=[$here/0.25m_2018.yaml,$here/0.25m_2015.yaml]"
}

# The stratified arm in float32 whatever the processor, beside the one in the format that it computes faster
number_format() { train +sweeps=patch_size +experiment=patch512_stratified trial.name=float32 trainer.precision=32-true; }

# Korea (Sentinel-2, two dates) and Dubai (tiles 1 to 3 trained on, 6 mapped), where they are at hand: one scene for all replicates
real() {
    [ -n "${DATA:-}" ] || { echo "real: DATA names no folder, left out" >&2; return 0; }
    "$PYTHON" docs/study/real_scenes.py "$DATA" runs/scenes
    k=runs/scenes/korea
    dates="scenes.assess=[${k}2023_east.yaml,${k}2023_west.yaml,${k}2024_east.yaml,${k}2024_west.yaml]"
    korea="scenes.train=[${k}2023_east.yaml]"
    train +sweeps=augmentation trial.name=korea_augmentation "$korea" "$dates"
    train +sweeps=scaling +experiment=scaling_on trial.contrast.kind=null 'trial.contrast.values=[]' trial.name=korea_scaling "$korea" "$dates"
    train +sweeps=transfer trial.name=korea_transfer validation.fraction=0 sampling.totals=exact "$korea" "$dates" \
        "scenes.unlabelled=[${k}2024_east.yaml,${k}2024_west.yaml]"
    train +sweeps=replicates +experiment=transfer_source trial.name=korea_oracle validation.fraction=0 sampling.totals=exact "scenes.train=[${k}2024_east.yaml]" "$dates"
    for way in histogram batch_norm; do
        predict +sweeps=adaptation mosaic=single trial.name=korea_adaptation trial.value=$way adapt=$way \
            "scenes.assess=[${k}2024_east.yaml,${k}2024_west.yaml]" 'checkpoint=runs/korea_transfer/transfer_source/seed${seed}/checkpoints/best.ckpt'
    done
    dubai="scenes.train=[${d}1.yaml,${d}2.yaml,${d}3.yaml]"
    tile="scenes.assess=[${d}6.yaml]"
    # as many steps for both: the grid of three whole tiles has more patches than are drawn
    train +sweeps=patch_size trial.name=dubai_sampling +experiment=patch512_grid,patch512_stratified trainer.steps=840 sampling.background=Land \
        trial.contrast.kind=difference 'trial.contrast.values=[patch512_grid,patch512_stratified]' "$dubai" "$tile"
    train +sweeps=augmentation trial.name=dubai_augmentation +experiment=augment_on trainer.steps=840 sampling.background=Land \
        trial.contrast.kind=null 'trial.contrast.values=[]' "$dubai" "$tile"
    train +sweeps=replicates trial.name=dubai_place +experiment=place validation.fraction=0 "$dubai" "$tile"
    for seed in $(every_seed); do dubai_left_out "$seed"; done
    train +sweeps=replicates trial.name=dubai_pretrained +experiment=place model=smp model.encoder=tu-tf_efficientnet_lite0 \
        model.encoder_weights=imagenet validation.fraction=0 "$dubai" "$tile"
}

# Replicate K is trained on four of Dubai's tiles 1 to 5, and maps the one that is left out, K modulo 5 + 1
dubai_left_out() {
    left=$(($1 % 5 + 1)) four="" own=$SEEDS SEEDS=$1
    for number in 1 2 3 4 5; do [ "$number" = "$left" ] || four="$four,${d}$number.yaml"; done
    scenes="scenes.train=[${four#,}] scenes.assess=[runs/scenes/dubai_left_out$left.yaml]"
    train +sweeps=replicates trial.name=dubai_left +experiment=patch512_stratified sampling.background=Land $scenes
    train +sweeps=replicates trial.name=dubai_left +experiment=place validation.fraction=0 $scenes
    train +sweeps=replicates trial.name=dubai_left_pretrained +experiment=place model=smp model.encoder=tu-tf_efficientnet_lite0 \
        model.encoder_weights=imagenet validation.fraction=0 $scenes
    SEEDS=$own
}

# Tables and figures, in which rows of runs that aren't here stay as they are; claims that other runs don't bear out are named
results() {
    trials=$(for trial in runs/*/trial.json; do dirname "$trial"; done)
    study results $trials --out docs/study --cache "$CACHE" --keep --labels runs/scenes/[0-4]/mini2018.yaml runs/scenes/[0-4]/mini2015.yaml
    study tables docs/study
    study claims docs/study.md docs/study/method.md docs/study/trials/*.md docs/study/effects.csv
}

for part in ${@:-$parts}; do
    case " $(echo $parts) " in
        *" $part "*) ;;
        *) refuse "no part '$part'; there are: $(echo $parts)" ;;
    esac
done
for part in ${@:-$parts}; do "$part"; done
exit $failed
