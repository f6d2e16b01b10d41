"""Trains the U-Net that finds nuclei, from pictures with one label a nucleus to an ONNX file.

    python -m tools.train_unet train --data NUCLEI --work WORK
    python -m tools.train_unet export --data NUCLEI --work WORK
    python -m tools.train_unet evaluate --data NUCLEI --work WORK

`NUCLEI` has `images/*.png` and, under the same names, `labels/*.png` (16 bit, 0 is background and
every nucleus has a number of its own): the corrected stage 1 of the Data Science Bowl 2018
(CC0). Training needs PyTorch, SciPy and about two hours on two cores; it may be interrupted, and
the same command goes on from the last checkpoint in `WORK`.
"""
