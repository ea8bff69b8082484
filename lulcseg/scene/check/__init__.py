"""The check of a scene: what its imagery, labels and reference points hold, before anything is trained."""
