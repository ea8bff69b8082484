#!/bin/sh
# The figures of "Scored on landscapes that were never searched on" in docs/transfer.md: up to five runs of each arm, on three landscapes:
#   sh docs/transfer_scored.sh FOLDER            # as long as needed, and again: runs that are done are left
# An arm is: source (2018's labels alone), recipe (and the look of 2015's imagery), kept (2015's imagery with 2018's polygons), oracle
# (2015's own labels). All train on the western part of the landscape, and are scored there and on the rest, on both dates.
# ONLY="12:0 13:1" does some of the pairs of landscape and seed, ARMS="recipe oracle" some of the arms.
set -eu
out=${1:?give the folder for scenes, cache and runs}
mkdir -p "$out/scenes"
out=$(cd "$out" && pwd)

scenes() {  # of one landscape
    for part in 2018 2015 2018_training 2018_heldout 2015_training 2015_heldout; do
        printf 'name: l%s_%s\nsynthetic: {size: 2048, seed: %s, scene: "%s"}\n' "$1" "$part" "$1" "$part" > "$out/scenes/l$1_$part.yaml"
    done
    files=$(find "$out/cache/synthetic" -maxdepth 1 -name "*_size2048_seed$1" 2> /dev/null | head -1)
    [ -z "$files" ] || cat > "$out/scenes/l$1_kept.yaml" << KEPT
name: l$1_kept
date: "2015-08-15"
imagery: {files: ["$files/2015.tif"], bands: [1, 2, 3]}
boundary: "$files/training_ground.gpkg"
labels: {file: "$files/polygons_2018.gpkg", column: class, uncovered: Other}
KEPT
}

run() {  # arm, landscape, seed, and its own words
    arm=$1 land=$2 seed=$3
    shift 3
    folder=$out/runs/$arm/l${land}_seed$seed
    [ ! -e "$folder.done" ] || return 0
    s=$out/scenes/l$land
    python train.py +experiment=demo mosaic=single mosaic.patch_size=512 assess.labels=false logger.name=none \
        run_dir="$folder" name="$arm" seed="$seed" cache="$out/cache" "$@" \
        "scenes.assess=[${s}_2018_training.yaml,${s}_2018_heldout.yaml,${s}_2015_training.yaml,${s}_2015_heldout.yaml]"
    touch "$folder.done"
}

for pair in ${ONLY:-12:0 13:1 14:2 12:3 13:4}; do
    land=${pair%:*} seed=${pair#*:}
    alone="scenes.unlabelled=[] exchange.p=0 augment=flips"
    for arm in ${ARMS:-recipe oracle source kept}; do
        scenes "$land"
        from=$out/scenes/l$land
        case $arm in
            recipe) run recipe "$land" "$seed" "scenes.train=[${from}_2018_training.yaml]" "scenes.unlabelled=[${from}_2015.yaml]" ;;
            source) run source "$land" "$seed" "scenes.train=[${from}_2018_training.yaml]" $alone ;;
            oracle) run oracle "$land" "$seed" "scenes.train=[${from}_2015_training.yaml]" $alone ;;
            kept) run kept "$land" "$seed" "scenes.train=[${from}_kept.yaml]" $alone ;;
        esac
    done
done
