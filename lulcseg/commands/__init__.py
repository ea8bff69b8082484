"""Commands of ``lulcseg``, one a module: what it is told, and the function that does it."""
