"""`make bench`: how fast the market and its episodes are, beside bare numpy kernels. It times, and asserts nothing.

Touch this when a part of the market gets another way of being fast. Figures go to docs/measurements.md by hand, with
their date and machine.
"""

import os

# One thread for linear algebra, set before numpy is imported: figures are per core.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")
