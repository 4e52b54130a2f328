"""Which variant of the scorecard judges each customer."""

from typing import Final

import numpy as np

from healthsvc.core.arrays import Instants
from healthsvc.core.scorecard.cohort import NOT_TOLD, STAGES, code
from healthsvc.core.scoring.lifecycle import UNKNOWN, Stages
from healthsvc.core.scoring.view import View

WHOLE: Final = np.zeros(1, np.int64)
"""All rows are judged by the scorecard itself."""


def choose_variants(view: View, stages: Stages) -> Instants:
    """Number of the variant that judges each row: the first declared whose place fits; 0 where none
    does, (n,)."""
    number_of = np.zeros(len(view.now_us), np.int64)
    variants = view.program.scorecard.variants
    for number in range(len(variants), 0, -1):
        fits = np.ones(len(number_of), bool)
        for field, values in variants[number - 1].when:
            value_of = stages.stage if field == "stage" else view.fact(f"{field}_code")
            here = np.zeros(len(number_of), bool)
            for value in values:
                here |= value_of == _number(field, value)
            fits &= here
        number_of = np.where(fits, number, number_of)
    return number_of


def _number(field: str, value: str | None) -> float:
    if field == "stage":
        return UNKNOWN if value is None else STAGES.index(value)
    return NOT_TOLD if value is None else code(value)
