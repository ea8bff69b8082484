"""The scene: imagery, labels, reference points, and the check of all of them."""
