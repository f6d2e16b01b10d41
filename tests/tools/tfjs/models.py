"""TensorFlow.js graph models, written by tests as the real converter of TensorFlow writes them."""

import base64
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort

from service.arrays import Array
from tools.tfjs.convert import Output, Pixels, convert
from tools.tfjs.graph import read_graph


class TfjsModel:
    """A graph with one input `x` and its weights."""

    def __init__(self, *shape: int) -> None:
        self.nodes: list[dict[str, Any]] = []
        self.weights: list[dict[str, Any]] = []
        self.data = b""
        if shape:
            sizes = {"dim": [{"size": str(size)} for size in shape]}
            self.node("x", "Placeholder")
            self.nodes[0]["attr"] = {"shape": {"shape": sizes}, "dtype": {"type": "DT_FLOAT"}}

    def node(self, name: str, op: str, *inputs: str, **attributes: Any) -> str:
        encoded = {key: _encoded(value) for key, value in attributes.items()}
        self.nodes.append({"name": name, "op": op, "input": list(inputs), "attr": encoded})
        return name

    def constant(self, name: str, values: Any, **quantization: Any) -> str:
        """Add a `Const`; `dtype`, `scale` and `min` say how `values` are coded, if they are."""
        stored = np.asarray(values)
        entry: dict[str, Any] = {"name": name, "shape": list(stored.shape)}
        entry["dtype"] = "float32" if quantization else str(stored.dtype)
        if quantization:
            entry["quantization"] = {"original_dtype": "float32", **quantization}
        self.weights.append(entry)
        self.data += stored.tobytes()
        self.nodes.append(
            {"name": name, "op": "Const", "attr": {"value": {"tensor": {"dtype": "DT_FLOAT"}}}}
        )
        return name

    def write(self, folder: Path) -> Path:
        """Write model.json and its weights in two shards, cut wherever the half may fall."""
        cut = len(self.data) // 2
        (folder / "group1-shard1of2.bin").write_bytes(self.data[:cut])
        (folder / "group1-shard2of2.bin").write_bytes(self.data[cut:])
        paths = ["group1-shard1of2.bin", "group1-shard2of2.bin"]
        manifest = [{"paths": paths, "weights": self.weights}]
        topology = {"node": self.nodes}
        path = folder / "model.json"
        path.write_text(json.dumps({"modelTopology": topology, "weightsManifest": manifest}))
        return path

    def run(self, folder: Path, output: str, x: Array, *, pixels: Pixels | None = None) -> Array:
        """Convert the model and return what its output is for a batch `x`."""
        graph = read_graph(self.write(folder))
        model = convert(graph, "test", {"y": Output(node=output)}, pixels=pixels)
        [y] = evaluated(model, image=x)
        return y


def noise(*shape: int, seed: int = 0) -> Array:
    """Normal numbers, float32."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def steps(*shape: int, dtype: str = "uint8") -> Array:
    """Codes 0, 1, 2, …: what an affine weight stores."""
    return np.arange(math.prod(shape)).reshape(shape).astype(dtype)


def one_to_one(model: TfjsModel) -> str:
    """Add a convolution that changes nothing but the layout."""
    model.constant("eye", np.eye(4, dtype=np.float32)[None, None])
    return model.node("c", "Conv2D", "x", "eye", strides=(1, 1, 1, 1), padding="SAME")


def evaluated(model: onnx.ModelProto, **feeds: Array) -> list[Array]:
    """Return every output of a model."""
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, feeds)


def _encoded(value: Any) -> dict[str, Any]:
    """Return an attribute as GraphDef writes it in JSON: numbers as text, text in base64."""
    match value:
        case bool():
            return {"b": value}
        case int():
            return {"i": str(value)}
        case float():
            return {"f": value}
        case str() if value.startswith("DT_"):
            return {"type": value}
        case str():
            return {"s": base64.b64encode(value.encode()).decode()}
        case tuple() if value and isinstance(value[0], str):
            return {"list": {"s": [_encoded(item)["s"] for item in value]}}
        case tuple():
            return {"list": {"i": [str(item) for item in value]}}
    raise TypeError(value)
