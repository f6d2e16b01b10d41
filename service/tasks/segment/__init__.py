"""What every pixel of a picture belongs to, or what a filter makes of it."""

from service.tasks.segment.config import MaskFormat, SegmentConfig, SegmentOptions
from service.tasks.segment.result import DenseMap, Segmentation
from service.tasks.segment.task import Segment

__all__ = [
    "DenseMap",
    "MaskFormat",
    "Segment",
    "SegmentConfig",
    "SegmentOptions",
    "Segmentation",
]
