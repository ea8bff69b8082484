"""``python -m lulcseg``: the same as ``lulcseg``."""

from lulcseg.cli import main

if __name__ == "__main__":
    main()
