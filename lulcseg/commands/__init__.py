"""Subcommands of ``lulcseg``, a module each."""
