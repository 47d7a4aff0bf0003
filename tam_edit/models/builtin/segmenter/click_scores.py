"""How the measures of a region add up to its score: three rows of linear coefficients.

Ridge regression over simulated clicks on 120 pictures: COCO objects (annotations CC BY 4.0) and
frames of DAVIS training sequences (BSD). A score is right up to a constant that is the same for
all candidates of a click. The columns are those of ``objectness.describe`` (after the first click,
``describe_change``) and, last, the mean agreement with the other candidates. They hold for these
superpixels, candidates and measures only: who changes any of them fits anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import numpy as np

from tam_edit.models.builtin.segmenter.superpixels import Floats

Kind = Literal["first", "added", "removed"]
Weights = Mapping[Kind, Floats]

# From here to the last row: python training/click_scores.py --data ../shared/data/train-objects
FIRST: Floats = np.array(
    [
        0.04088,
        0.002181,
        -0.03245,
        0.1584,
        0.07767,
        -0.01531,
        0.1851,
        -0.02165,
        -0.1278,
        0.05157,
        -0.4019,
        -0.2918,
        4.679e-08,
        -0.2727,
        -0.1539,
        -0.1163,
        0.2136,
        0.1866,
        0.3666,
        -0.2441,
        0.8086,
    ],
    np.float32,
)
ADDED: Floats = np.array(
    [
        0.03497,
        0.001585,
        -0.005435,
        0.001655,
        -0.04449,
        -0.01699,
        0.02511,
        0.04554,
        -0.01777,
        0.1476,
        -0.05266,
        -0.06182,
        0.1414,
        0.1074,
        0.06359,
        0.3822,
        -0.1504,
        0.1686,
        -0.7189,
        0.3601,
        -0.2114,
        -0.01402,
        0.1107,
        -0.02073,
        0.07565,
        -0.06673,
        0.344,
        -0.1948,
        -0.06742,
        -0.4547,
        -0.05266,
        -0.1689,
        -6.911e-08,
        -0.4182,
        -0.1811,
        -0.1927,
        0.1494,
        -0.288,
        0.8834,
        -0.2315,
        -0.5201,
        0.1778,
        0.03524,
        0.06927,
        0.007286,
        -0.000212,
        0.3564,
    ],
    np.float32,
)
REMOVED: Floats = np.array(
    [
        0.006317,
        0.0003658,
        -0.02549,
        0.103,
        -0.05051,
        0.008904,
        -0.02994,
        0.02145,
        -0.0169,
        0.174,
        0.1123,
        -0.04219,
        0.1813,
        0.002891,
        -0.04632,
        0.04258,
        0.08914,
        -0.02542,
        -0.5821,
        0.3051,
        -0.0156,
        -0.004589,
        -0.3551,
        0.2182,
        0.4529,
        -0.04312,
        -0.06458,
        0.02733,
        -0.1177,
        0.03918,
        -0.1123,
        -0.09615,
        -0.002291,
        0.08477,
        -0.02443,
        0.2479,
        -0.494,
        0.6016,
        0.6257,
        -0.2781,
        -0.1953,
        -0.1994,
        0.006942,
        -0.1776,
        0.00186,
        -0.003053,
        0.1018,
    ],
    np.float32,
)

FITTED: Final[Weights] = {"first": FIRST, "added": ADDED, "removed": REMOVED}
