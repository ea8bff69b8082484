"""Trials: several values of one setting, each trained several times, collected, compared and ranked."""
