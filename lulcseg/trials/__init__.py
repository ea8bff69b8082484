"""Statistics of replicated trials: several values of one setting, each trained from several seeds."""
