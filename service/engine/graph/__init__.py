"""What an ONNX graph is made of, worked out from the file without running it.

windows   the arithmetic of a sliding filter
tensors   what is known of one tensor
trace     every tensor of a graph, followed node by node
counts    parameters and multiply-adds of a node
summary   the layers and their totals
table     the same as text
"""

from service.engine.graph.summary import Layer, Port, Summary, summarize
from service.engine.graph.table import table

__all__ = ["Layer", "Port", "Summary", "summarize", "table"]
