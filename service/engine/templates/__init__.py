"""A model folder's first manifest, drafted from the graph alone.

anchors      the anchor boxes that the well-known networks were trained with
view         a graph as a decoder would see it
readings     what a decoder is told: heads that join their rows
grids        the same: heads that are grids
separate     the same: boxes and scores that are outputs of their own
catalogue    one row for each generation: how it is read, how it is fed
sections     the sections of a manifest that do not depend on the outputs
detectors    the choice of a decoder, and a detector's folder
classifiers  a classifier's folder
writing      TOML with comments
"""

from service.engine.templates.classifiers import draft_classifier
from service.engine.templates.detectors import draft_detector
from service.engine.templates.sections import FILE, LABELS, Draft

__all__ = ["FILE", "LABELS", "Draft", "draft_classifier", "draft_detector"]
