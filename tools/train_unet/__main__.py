"""`python -m tools.train_unet train|export|evaluate`."""

import argparse
from pathlib import Path

from tools.train_unet.evaluate import evaluate
from tools.train_unet.export import export
from tools.train_unet.train import train


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=("train", "export", "evaluate"))
    parser.add_argument("--data", type=Path, required=True, help="folder of images/ and labels/")
    parser.add_argument("--work", type=Path, required=True, help="checkpoints and log")
    options = parser.parse_args()
    if options.action == "train":
        train(options.data, options.work)
    elif options.action == "export":
        print(export(options.work))
    else:
        print(evaluate(options.data, options.work))


if __name__ == "__main__":
    main()
