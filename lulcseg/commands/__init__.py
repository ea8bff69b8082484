"""Commands of ``lulcseg``, one a module: its arguments (``add``) and the function that runs it."""
