"""Weights of TensorFlow.js models: a manifest of names and shapes beside flat binary shards.

Source: the format is that of tfjs-core 4.22, `src/io/types.ts` (WeightsManifestEntry) and
`src/io/io_utils.ts` (decodeWeights).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from service.arrays import Array
from tools.tfjs.errors import ConversionError


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """A tensor as its package stores it, and what turns it back into its values.

    Attributes:
        stored: the array on disk: float32, int32 or bool as it is, float16 for halved storage,
            uint8 or uint16 for affine quantisation.
        scale: value of one step of an affine code; 1 otherwise.
        minimum: value of the code 0; 0 otherwise.
    """

    stored: Array
    scale: float = 1.0
    minimum: float = 0.0

    @property
    def is_affine(self) -> bool:
        """Whether `stored` holds integer codes rather than numbers."""
        return self.stored.dtype in (np.uint8, np.uint16)

    @property
    def values(self) -> Array:
        """The numbers the network computes with: float32, or the stored int32 or bool.

        >>> Weight(stored=np.array([0, 4], np.uint8), scale=0.5, minimum=-1.0).values
        array([-1.,  1.], dtype=float32)
        """
        if self.is_affine:
            return self.stored.astype(np.float32) * np.float32(self.scale) + np.float32(
                self.minimum
            )
        if self.stored.dtype == np.float16:
            return self.stored.astype(np.float32)
        return self.stored

    def rearranged(self, arrange: Callable[[Array], Array]) -> "Weight":
        """Return the weight with its axes moved; the numbers and their storage stay.

        Args:
            arrange: a transpose or reshape of the stored array.
        """
        return replace(self, stored=np.asarray(arrange(self.stored), order="C"))


def read_weights(manifest: Sequence[Mapping[str, Any]], folder: Path) -> dict[str, Weight]:
    """Return every weight of a model by name.

    Args:
        manifest: the parsed `weightsManifest`: groups of `paths` (shards, read in order as one
            stream) and `weights` (name, shape, dtype, quantization).
        folder: where the shards are.

    Raises:
        ConversionError: a storage type is unknown, or the shards are shorter or longer than
            the manifest says (a damaged package).
    """
    weights: dict[str, Weight] = {}
    for group in manifest:
        stream = b"".join((folder / path).read_bytes() for path in group["paths"])
        offset = 0
        for entry in group["weights"]:
            dtype = _stored_dtype(entry)
            count = math.prod(entry["shape"])
            if offset + count * dtype.itemsize > len(stream):
                raise ConversionError(f"{group['paths'][0]}: ends inside {entry['name']}")
            stored = np.frombuffer(stream, dtype, count, offset).reshape(entry["shape"])
            offset += stored.nbytes
            coding = entry.get("quantization", {})
            weights[entry["name"]] = Weight(
                stored=stored, scale=coding.get("scale", 1.0), minimum=coding.get("min", 0.0)
            )
        if offset != len(stream):
            raise ConversionError(f"{group['paths'][0]}: {len(stream) - offset} bytes too many")
    return weights


def _stored_dtype(entry: Mapping[str, Any]) -> np.dtype[Any]:
    """Return the little-endian type of one manifest entry on disk."""
    coding = entry.get("quantization")
    name = coding["dtype"] if coding else entry["dtype"]
    allowed = ("float16", "uint8", "uint16") if coding else ("float32", "int32", "bool")
    if name not in allowed or (coding and entry["dtype"] != "float32"):
        raise ConversionError(f"{entry['name']}: weights of type {name} are not supported")
    return np.dtype(f"<{np.dtype(name).str[1:]}")
