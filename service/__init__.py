"""Chiasm: pretrained vision networks in onnxruntime behind plain REST endpoints."""

__version__ = "0.1.0"
