"""How the measures of a region add up to its score: three rows of linear coefficients.

Least squares over simulated clicks on about 120 pictures: COCO objects (annotations CC BY 4.0) and
frames of DAVIS training sequences (BSD). A score is right up to a constant that is the same for
all candidates of a click. The columns are those of ``objectness.describe`` (after the first click,
``describe_change``) and, last, the mean agreement with the other candidates. They hold for these
superpixels and measures only: who changes either fits them anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import numpy as np

from tam_edit.models.builtin.superpixels import Floats

Kind = Literal["first", "added", "removed"]
Weights = Mapping[Kind, Floats]

FIRST: Floats = np.array(
    [
        -0.02604,
        -0.006703,
        -0.1362,
        0.2018,
        0.08987,
        -0.1705,
        0.006661,
        0.0573,
        -0.1694,
        -0.01188,
        -0.3412,
        -0.2849,
        1.931e-07,
        -0.4467,
        -0.1444,
        -0.1164,
        0.2367,
        0.3193,
        0.5728,
        -0.5303,
        0.3104,
    ],
    np.float32,
)
ADDED: Floats = np.array(
    [
        0.0126,
        0.000476,
        0.06521,
        -0.07412,
        0.03048,
        0.05677,
        0.1303,
        0.03294,
        0.005476,
        -0.00199,
        0.002586,
        -0.02188,
        0.1552,
        0.07318,
        0.05541,
        0.3966,
        -0.1608,
        0.1837,
        -0.6407,
        0.2271,
        -0.1513,
        -0.009639,
        -0.2337,
        0.1717,
        0.07088,
        -0.1483,
        -0.368,
        0.1941,
        -0.05002,
        -0.2509,
        0.002587,
        -0.1702,
        2.797e-07,
        -0.2268,
        -0.1635,
        -0.1813,
        0.138,
        -0.3728,
        1.093,
        -0.3944,
        -0.5186,
        0.159,
        0.01278,
        -0.02918,
        0.002349,
        -0.0001088,
        0.2576,
    ],
    np.float32,
)
REMOVED: Floats = np.array(
    [
        0.01143,
        0.001757,
        0.03116,
        -0.06509,
        -0.07316,
        -0.04502,
        0.05117,
        0.04198,
        0.01308,
        -0.08057,
        -0.02014,
        -0.004646,
        0.01781,
        -0.3113,
        -0.02914,
        0.1202,
        -0.005631,
        0.07468,
        -0.5196,
        0.2726,
        -0.02059,
        -0.003292,
        0.1911,
        -0.053,
        0.5139,
        0.2894,
        0.07156,
        -0.0774,
        0.03911,
        0.2112,
        0.02015,
        -0.1058,
        -0.09892,
        0.07946,
        -0.008879,
        0.5542,
        -1.37,
        0.3279,
        0.2976,
        0.02164,
        0.1848,
        -0.1049,
        0.01169,
        -0.3436,
        0.0001892,
        0.01771,
        0.3002,
    ],
    np.float32,
)

FITTED: Final[Weights] = {"first": FIRST, "added": ADDED, "removed": REMOVED}
