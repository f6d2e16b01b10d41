"""Segmentation as a task: from a network's map to the class of every pixel of the picture."""

import difflib
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from service.arrays import F32, U8, Array
from service.errors import InvalidOption
from service.imaging.geometry import ResizeRule, ToSource
from service.imaging.maps import spread
from service.imaging.picture import Picture, Size
from service.tasks.base import ConfigError, Network, Options, Prepared, Task, TaskConfig
from service.tasks.classify import Activation, activate
from service.tasks.inputs import Layout
from service.tasks.segment.classes import Expand, eight_bit, strongest_class, two_classes
from service.tasks.segment.config import SegmentConfig, SegmentOptions
from service.tasks.segment.instances import find_instances
from service.tasks.segment.passes import Passes
from service.tasks.segment.result import DenseMap, Segmentation


class Segment(Task[SegmentConfig, SegmentOptions, Segmentation | DenseMap]):
    """Classes, or the values of a filter, for every pixel at the picture's own size.

    A network of one size sees the whole picture resized. One that takes any size sees it as it
    is, in tiles if it is large.
    """

    name = "segment"
    config_type: ClassVar[type[TaskConfig]] = SegmentConfig
    options_type: ClassVar[type[Options]] = SegmentOptions

    def __init__(self, network: Network, config: SegmentConfig) -> None:
        """Bind the task; the graph must give a channel for each label or filter."""
        super().__init__(network, config)
        spec = network.input
        rows, self._channel_axis = (2, 1) if spec.layout is Layout.NCHW else (1, 3)
        if config.refine and spec.resize is not ResizeRule.STRETCH:
            raise ConfigError("config.refine", "needs a map of the whole picture: stretch")
        if spec.resize is ResizeRule.CROP:
            raise ConfigError("input.resize", "every pixel is asked for: stretch or letterbox")
        sides = self._input.shape[rows : rows + 2]
        if config.tile is not None and sides != (None, None):
            raise ConfigError(
                "input.size", f"the graph takes {sides} only; tiles want one that takes any size"
            )
        output = network.output_info(config.output, "config.output")
        if len(output.shape) != 4:
            raise ConfigError("config.output", f"{output.name} has {len(output.shape)} axes, not 4")
        self._output = output.name
        self.reads = (output.name,)
        channels = output.shape[self._channel_axis]
        if channels is not None:
            self._check_channels(channels)

    def needed(self, source: Size) -> Size:
        """Return the smallest (h, w) at which a picture of size `source` loses nothing here."""
        return super().needed(source) if self.config.tile is None else source

    def check_options(self, options: SegmentOptions) -> None:
        """Refuse a filter that there is not, and what only networks with classes can answer.

        Raises:
            InvalidOption: names the option.
        """
        filters, name = self.config.filters, self.network.name
        if filters and options.instances:
            raise InvalidOption("instances", f"{name} has no classes")
        if options.filter is None or options.filter in filters:
            return
        if not filters:
            raise InvalidOption("filter", f"{name} has classes, and no filters")
        near = difflib.get_close_matches(options.filter, filters, n=3, cutoff=0.5)
        there_are = f"there is no {options.filter!r}; {name} has {', '.join(filters)}"
        raise InvalidOption("filter", there_are, near=near)

    def preprocess(self, picture: Picture, options: SegmentOptions) -> Prepared:
        """Return the whole picture as one row, or the first of its tiles."""
        tiles = self.config.tile
        if tiles is None:
            return self.whole(picture)
        passes = Passes(
            picture.pixels,
            tiles,
            feed=self.feed,
            read=lambda outputs: self._read(outputs, options),
            decide=lambda maps: self._decide(maps, np.asarray),
        )
        first = passes.next()
        assert first is not None  # no picture is without pixels
        return first

    def postprocess(
        self, outputs: Mapping[str, Array], prepared: Prepared, options: SegmentOptions
    ) -> Segmentation | DenseMap:
        """Return what every pixel of one picture is."""
        context = prepared.context
        if isinstance(context, Passes):
            return self._result(context.planes, options)
        assert isinstance(context, ToSource)
        size = self.network.input.size
        (maps,) = self._read(outputs, options)
        planes = self._decide(maps, lambda values: spread(values, size, context))
        if not self.config.refine:
            return self._result(planes, options)
        sketch: F32 = maps[0] if len(maps) == 1 else 1 - maps[0]
        return self._result(planes, options, sketch)

    def _read(self, outputs: Mapping[str, Array], options: SegmentOptions) -> F32:
        """Return (R, C, h, w) maps of 0..1; of a network with filters only the one asked for.

        Raises:
            ConfigError: the graph gives another number of channels than the manifest says.
        """
        raw = np.moveaxis(np.asarray(outputs[self._output], np.float32), self._channel_axis, 1)
        self._check_channels(raw.shape[1])
        if self.config.filters:
            channel = self.config.filters.index(self._filter(options))
            raw = raw[:, channel : channel + 1]
        maps: F32 = activate(raw, self.config.activation).clip(0, 1)
        return maps

    def _decide(self, maps: F32, expand: Expand) -> tuple[U8, ...]:
        """Return the class map and its alpha, or the values of a filter.

        Args:
            maps: (C, h, w), 0..1.
            expand: brings (h, w) to the size of the planes that are returned.
        """
        if self.config.filters:
            return (eight_bit(expand(maps[0])),)
        if len(maps) == 1:
            return two_classes(expand(maps[0]), self.config.threshold)
        return strongest_class(maps, expand)

    def _result(
        self, planes: tuple[U8, ...], options: SegmentOptions, sketch: F32 | None = None
    ) -> Segmentation | DenseMap:
        config = self.config
        if config.filters:
            (values,) = planes
            return DenseMap(filter=self._filter(options), values=values)
        class_map, alpha = planes
        instances = None
        if options.instances:
            instances = find_instances(
                class_map,
                alpha,
                border_id=config.border_id,
                min_area=config.instances.min_area,
                reach=config.instances.reach,
            )
        return Segmentation(
            class_map=class_map,
            alpha=alpha,
            labels=tuple(label.name for label in config.labels),
            mask=options.mask,
            instances=instances,
            sketch=sketch,
        )

    def _filter(self, options: SegmentOptions) -> str:
        """Return the filter asked for, or the first."""
        self.check_options(options)
        return self.config.filters[0] if options.filter is None else options.filter

    def _check_channels(self, channels: int) -> None:
        config = self.config
        if config.filters:
            if channels != len(config.filters):
                raise ConfigError(
                    "config.filters", f"{len(config.filters)} names, but {channels} channels"
                )
            return
        two_on_one = channels == 1 and len(config.labels) == 2
        if channels != len(config.labels) and not two_on_one:
            raise ConfigError(
                "config.labels", f"{len(config.labels)} labels, but {channels} channels"
            )
        if two_on_one and config.activation is Activation.SOFTMAX:
            raise ConfigError("config.activation", "the softmax of one channel is always 1")
