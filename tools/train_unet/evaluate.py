"""The figures of the weights as PyTorch runs them: what serving must not lose."""

from pathlib import Path

import numpy as np

from service.engine.manifest import read_folder
from service.tasks.segment import SegmentConfig
from service.tasks.segment.instances import find_instances
from tools.evaluate.segment import summarize, table
from tools.train_unet.export import FOLDER, trained
from tools.train_unet.nuclei import load
from tools.train_unet.scores import foreground_iou, instance_score
from tools.train_unet.train import predict


def evaluate(data: Path, work: Path) -> str:
    """Return the table of the validation pictures, each run whole and in float32.

    Only what the network is not about is the service's: which regions are a nucleus each.
    """
    config = read_folder(FOLDER).config
    assert isinstance(config, SegmentConfig)
    network, rows = trained(work), []
    for sample in load(data, validation=True):
        probabilities = predict(network, sample)
        class_map = probabilities.argmax(axis=0).astype(np.uint8)
        found = find_instances(
            class_map,
            np.rint(255 * (1 - probabilities[0])).astype(np.uint8),
            border_id=config.border_id,
            min_area=config.instances.min_area,
            reach=config.instances.reach,
        )
        iou = foreground_iou(sample.labels, class_map > 0)
        rows.append((sample.kind, iou, instance_score(sample.labels, found.map)))
    return table(summarize(rows))
