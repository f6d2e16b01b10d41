"""Which model answers which task, for every contestant the same."""

from service.engine.manifest import ModelFolder, read_folder
from service.settings import bundled_models

# By task, the names to try; the first that is installed answers.
MODELS = {
    "classify": ("efficientnet-lite0",),
    "digit": ("lenet5-digits",),
    "detect": ("yolox-nano", "centernet-mobilenetv3"),
}


def folder_of(task: str) -> ModelFolder:
    """Return the model that answers `classify`, `digit` or `detect`.

    Raises:
        LookupError: none does.
    """
    for name in MODELS[task]:
        folder = read_folder(bundled_models() / name)
        if folder.installed:
            return folder
    raise LookupError(f"no model that answers {task!r} is installed")
