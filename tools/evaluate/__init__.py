"""Accuracy, measured over HTTP against a real server, on the data beside the checkout."""

from pathlib import Path

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
