"""TensorFlow.js models in ONNX: graph models whole, loose weights for networks drawn by hand.

`graph` and `weights` read a package, `convert` walks a graph through the table in `ops`, and
`builder` writes the ONNX file with every weight in the precision its package stores.
"""
