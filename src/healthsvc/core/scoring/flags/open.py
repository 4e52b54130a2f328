"""Flag kind `open`: while items are open, such as invoices, beyond a time of grace."""

from dataclasses import dataclass
from typing import ClassVar, Self

from healthsvc.core.scoring.flags.kind import Condition, EarlierFlags, Flag
from healthsvc.core.scoring.flags.reading import FlagReader, counts_of_open_items
from healthsvc.core.scoring.grace import overdue
from healthsvc.core.scoring.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenFlag(Flag):
    kind: ClassVar[str] = "open"
    meaning: ClassVar[str] = "while something is open, for `days` or more"
    default_cool_days: ClassVar[float] = 7.0

    grace_us: int
    usual_times: float
    """For invoices: so many times the customer's usual delay, where that is longer."""

    @classmethod
    def read(cls, reader: FlagReader) -> Self:
        return cls(
            **reader.common(),
            fact=reader.fact(counts_of_open_items),
            grace_us=reader.grace_us(),
            usual_times=reader.usual_times(),
        )

    def condition(self, view: View, earlier: EarlierFlags) -> Condition:
        late = overdue(view, self.fact, self.grace_us, self.usual_times)
        return Condition.of_one_line(late.holds, late.since_us, late.change_us)
