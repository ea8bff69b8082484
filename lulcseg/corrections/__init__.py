"""What an interpreter corrects: the next places to look at, and new labels from what was decided there."""
