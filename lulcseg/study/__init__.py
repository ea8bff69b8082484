"""A study: several trials evaluated together, on ground never trained on and against the full truth."""
