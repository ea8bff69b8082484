"""A study: several trials read together, scored on ground never trained on and against the full truth."""
