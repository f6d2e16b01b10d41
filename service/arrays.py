"""Names for the array types that pass between layers; shapes are said where they are used."""

import numpy as np
from numpy.typing import NDArray

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]
Index = NDArray[np.intp]
Mask = NDArray[np.bool_]
Array = NDArray[np.generic]
