"""The OpenAPI document as it was when somebody last looked at it.

`python -m tests.api.openapi` writes it anew; what `git diff` then shows is what clients will see.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

from service.app import create_app
from service.settings import Settings

SNAPSHOT = Path(__file__).with_name("openapi.json")


def document() -> dict[str, Any]:
    """Return the document as it is now; it does not depend on which models are installed."""
    with tempfile.TemporaryDirectory() as empty:
        app = create_app(Settings(models_dir=Path(empty)))
        app.state.models.close()
        return app.openapi()


def text() -> str:
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SNAPSHOT.write_text(text(), encoding="utf-8")
