from pathlib import Path
from typing import Any

import onnx
import pytest

from service.engine.graph import Summary, summarize
from tests.engine.graph.graphs import Summaries


@pytest.fixture
def summary_of(tmp_path: Path) -> Summaries:
    """Return a function that saves a graph and summarizes the file."""

    def saved(graph: onnx.ModelProto, **options: Any) -> Summary:
        path = tmp_path / "model.onnx"
        path.write_bytes(graph.SerializeToString())
        return summarize(path, **options)

    return saved
