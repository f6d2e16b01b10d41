"""`make eval`: every accuracy that can be measured here, as a table."""

import sys

from service.settings import bundled_models
from tools.evaluate import DATA, classify
from tools.served import Served


def main() -> int:
    """Measure what there is data for, and say what was skipped."""
    photos = DATA / "imagenet"
    if not photos.is_dir():
        print(f"skipped: accuracy of /classify needs {photos}")
        return 0
    with Served() as server:
        accuracy = classify.evaluate(server.url, photos, bundled_models())
    print(f"## /classify, {classify.MODEL}, over HTTP\n\n| figure | value |\n|---|---|")
    for name, value in accuracy.as_dict().items():
        print(f"| {name} | {value:g} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
