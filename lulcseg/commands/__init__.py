"""The subcommands of ``lulcseg`` that have modules of their own."""
