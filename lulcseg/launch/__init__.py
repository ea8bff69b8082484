"""From a command line to runs: settings are composed, and each replicate of a sweep runs in its own process."""
