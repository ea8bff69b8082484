"""Map a scene with a trained model, and assess the map where there are reference points: ``lulcseg predict``."""

from lulcseg.commands.predict import main

if __name__ == "__main__":
    main()
