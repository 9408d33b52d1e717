"""The names of array types: a letter for the kind and the bytes of an item. Touch this to name another type.

Comments and docstrings beside each use give the shape: f8[C, S] is an array of float64 over campaigns and segments.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
"""Of any type."""
F8 = npt.NDArray[np.float64]
F4 = npt.NDArray[np.float32]
I8 = npt.NDArray[np.int64]
U4 = npt.NDArray[np.uint32]
U1 = npt.NDArray[np.uint8]
B1 = npt.NDArray[np.bool_]
