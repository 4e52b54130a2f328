"""Who leaves, who has left, and who came back, as of an instant."""

from dataclasses import dataclass

import numpy as np

from healthsvc.core.arrays import Floats, Mask
from healthsvc.core.folding.contract import customer_end
from healthsvc.core.scoring.view import View


@dataclass(frozen=True, slots=True)
class Leaving:
    """n customers."""

    ends_at: Floats
    """(n,) when the customer leaves or left; inf where it stays, or came back."""
    told_at: Floats
    """(n,) when that was told; meaningful where there is an end."""
    has_left: Mask
    """(n,) the end is over."""

    @property
    def gave_notice(self) -> Mask:
        """(n,) the end lies ahead."""
        ahead: Mask = np.isfinite(self.ends_at) & ~self.has_left
        return ahead


def leaving(view: View) -> Leaving:
    """By contract, and by use: who uses the product after the end and pays an invoice that was
    first heard of after it, has come back though nobody told of a contract."""
    end = customer_end(view.facts)
    ends_at = np.where(_came_back(view, end.ends_at), np.inf, end.ends_at)
    return Leaving(ends_at, end.told_at, ends_at <= view.now_us)


def _came_back(view: View, ends_at: Floats) -> Mask:
    used_at = newest_use(view)
    pays: Mask = view.fact("new_invoice_paid_at") > ends_at
    return pays & (used_at > ends_at)


def newest_use(view: View) -> Floats:
    """(n,) the newest event of the measure that shows use; 0 where the scorecard names none."""
    use = view.program.scorecard.comeback_use
    if use is None:
        return np.zeros(len(view.now_us))
    return view.newest(view.program.measures.index(use))
