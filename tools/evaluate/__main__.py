"""`make eval`: every accuracy that can be measured here, as one table a task."""

import sys

from service.settings import Settings
from tools.evaluate import DATA, classify, detect, faces, segment
from tools.served import Served

# Several requests wait for one another here, and none of them may be refused for it.
PATIENT = {"CHIASM_MAX_WAIT_MS": "60000"}


def main() -> int:
    """Measure what there is data for, and say what was skipped."""
    models = Settings().models_dir
    with Served(PATIENT) as server:
        for task in (classify, detect, segment, faces):
            print(task.markdown(server.url, DATA, models), end="\n\n", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
