"""From a command line to runs: composing settings, jobs of a sweep, each replicate in a process of its own."""
