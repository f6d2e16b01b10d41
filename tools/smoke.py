"""One call to each endpoint of a running service: `python -m tools.smoke http://HOST:PORT`.

For whoever has just deployed one. Needs the extra `client`; a key is taken from CHIASM_API_KEY.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path

from service.client import Chiasm

SAMPLES = Path(__file__).resolve().parents[1] / "service" / "web" / "samples"
CAT, COFFEE, PERSON = (SAMPLES / f"{name}.jpg" for name in ("cat", "coffee", "astronaut"))
SAME_PERSON = SAMPLES / "astronaut-changed.jpg"
PATIENCE_S = 120.0


def calls(chiasm: Chiasm) -> dict[str, Callable[[], object]]:
    """Return a call for every endpoint, each of which answers something that is true if right."""
    return {
        "GET /readyz": chiasm.ready,
        "GET /models": lambda: chiasm.models().models,
        "GET /models/{name}": lambda: chiasm.model("lenet5-digits").layers,
        "POST /classify": lambda: "cat" in chiasm.classify(CAT).predictions[0].label,
        "POST /detect": lambda: (
            "cup" in {found.label for found in chiasm.detect(COFFEE).detections}
        ),
        "POST /segment": lambda: chiasm.segment(PERSON).classes,
        "POST /faces": lambda: chiasm.faces(PERSON).faces,
        "POST /verify": lambda: chiasm.verify(PERSON, SAME_PERSON).verified,
        "POST /style": lambda: chiasm.style(CAT, preset="3").wait(timeout_s=PATIENCE_S).result(),
    }


def smoke(chiasm: Chiasm) -> list[str]:
    """Make every call, and return what went wrong."""
    wrong = []
    for name, call in calls(chiasm).items():
        try:
            if not call():
                wrong.append(f"{name}: the answer is not what the picture shows")
        except Exception as error:  # noqa: BLE001  (the next call may tell more)
            wrong.append(f"{name}: {error!r}")
    return wrong


def main() -> int:
    """Smoke the service whose address is the argument; 0 if every endpoint answered."""
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    with Chiasm(sys.argv[1], api_key=os.environ.get("CHIASM_API_KEY"), timeout_s=PATIENCE_S) as one:
        wrong = smoke(one)
    print("\n".join(wrong or ["every endpoint answered"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
