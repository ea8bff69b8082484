"""Train a model on one or several scenes, map and assess scenes with it, write a report: ``lulcseg train``."""

from lulcseg.commands.train import main

if __name__ == "__main__":
    main()
