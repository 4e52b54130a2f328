"""Turns what the core decided about rows of the states into alerts, timers and webhooks to be
rendered."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Final

import numpy as np

from healthsvc.core.decisions.changes import ALERT_MAX_AGE_US, BandChange, FlagChange
from healthsvc.core.decisions.decide import BAND_ALERT, alert_id
from healthsvc.core.decisions.flag_changes import as_decided
from healthsvc.core.folding import facts
from healthsvc.core.insights.rule_reasons import rule_reason
from healthsvc.core.instants import from_us
from healthsvc.core.languages import DEFAULT
from healthsvc.core.phrases import alerts
from healthsvc.core.scorecard.model import FlagRule
from healthsvc.core.scoring.evaluate import Evaluation
from healthsvc.core.scoring.view import View
from healthsvc.core.severity import Severity
from healthsvc.flows.processing.decisions import briefing, unrendered_messages
from healthsvc.flows.processing.decisions.batch_decisions import BatchDecisions
from healthsvc.flows.processing.decisions.decided_batch import DecidedBatch
from healthsvc.flows.processing.decisions.decision_rows import DecisionRows
from healthsvc.flows.processing.decisions.summary_rows import SummaryRows
from healthsvc.flows.processing.decisions.unrendered_messages import UnrenderedMessage
from healthsvc.store.processing import timers
from healthsvc.store.processing.alert_writes import AlertRow
from healthsvc.wire.webhooks.bodies import detail_json
from healthsvc.wire.webhooks.webhook_type import WebhookType

WEBHOOK_LANGUAGE: Final = DEFAULT
"""Alerts are kept, and webhooks sent, in this language; whoever reads alerts in another has them
worded anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagRelations:
    """What the flags of a scorecard have to do with each other."""

    absent: frozenset[str]
    """Flags that say that something didn't happen."""
    related: dict[int, tuple[int, ...]]
    """By flag that has relatives: its family."""


class DecisionWriter:
    """Writes the alerts, messages and timers that follow from one call of `decide`."""

    def __init__(self, relations: FlagRelations, view: View, batch: BatchDecisions) -> None:
        states, rows, evaluation = batch.states, batch.rows, batch.evaluation
        self._relations, self._view, self._batch = relations, view, batch
        self._states, self._card = states, states.program.scorecard
        self._rows, self._evaluation, self._decisions = rows, evaluation, batch.decisions
        risk_before = batch.before.risk.copy()
        self._outcome = DecidedBatch(
            states, rows, batch.decisions, evaluation.now_us, risk_before, batch.version
        )
        self._logged_us = batch.logged_us
        self.sequence = batch.decisions.after.sequence.copy()
        self._keys: list[int] = states.key[rows].tolist()
        self._out = DecisionRows()
        self._common_facts: dict[int, dict[str, Any]] = {}

    def write(self) -> DecisionRows:
        out, decisions = self._out, self._decisions
        for change in decisions.bands:
            self._band(change)
        for flag in decisions.flags:
            self._flag(flag)
        summaries = SummaryRows(self._batch, self._outcome)
        out.history = summaries.history()
        out.standings, out.moves = summaries.standings()
        self._timers()
        return out

    def _timers(self) -> None:
        timed, due = self._decisions.timers, self._decisions.due_us
        to_set, to_delete = (
            np.flatnonzero(timed & np.isfinite(due)),
            np.flatnonzero(timed & ~np.isfinite(due)),
        )
        self._out.timers_gone = [self._keys[i] for i in to_delete.tolist()]
        if len(to_set):
            rows, states = self._rows[to_set], self._states
            due_us = due[to_set].astype(np.int64)
            self._out.timers = timers.rows(
                self._batch.projection, states.key[rows], states.partition[rows], due_us
            )
            self._out.next_due_us = float(due_us.min())

    def _flag(self, change: FlagChange) -> None:
        rule = self._card.judging(self._evaluation.variant_of(change.row)).flags[change.flag]
        if change.kind == "released":
            kinds = self._ended_kinds(change) if rule.severity is not None else ()
            self._out.endings += [
                (self._keys[change.row], kind, self._outcome.at(change.row)) for kind in kinds
            ]
        elif change.alert and rule.severity is not None:
            reason = self._reason(change, rule)
            detail: dict[str, Any] = {
                "flag": rule.name,
                "play": rule.play.within(WEBHOOK_LANGUAGE),
                "score": self._outcome.score(change.row),
                "band": self._outcome.band(change.row),
                **({} if reason is None else {"reason": reason}),
            }
            self._alert(
                change.row,
                rule.name,
                rule.severity,
                alerts.summary(
                    WEBHOOK_LANGUAGE,
                    self._outcome.name(change.row),
                    alerts.title_with_reason(
                        WEBHOOK_LANGUAGE,
                        rule.title.within(WEBHOOK_LANGUAGE),
                        "" if reason is None else reason["says"],
                    ),
                    rule.play.within(WEBHOOK_LANGUAGE),
                ),
                change.onset_us,
                detail,
                unless_open=change.kind in ("renewed", "additional"),
                takes_over=change.kind if change.kind in ("escalated", "de_escalated") else "",
                family=self._family(change.flag),
                absence=rule.name in self._relations.absent,
            )

    def _reason(self, change: FlagChange, rule: FlagRule) -> dict[str, Any] | None:
        """The rule that judged, its figures, and both in words."""
        is_habit = bool(self._evaluation.flags.is_habit[change.row, change.flag])
        reason = rule_reason(self._view, rule, change.row, is_habit=is_habit)
        return None if reason is None else briefing.reason(reason, WEBHOOK_LANGUAGE)

    def _family(self, flag: int) -> tuple[str, ...]:
        """The kinds of alert of which the customer has one."""
        return tuple(self._card.flags[f].name for f in self._relations.related.get(flag, (flag,)))

    def _ended_kinds(self, change: FlagChange) -> tuple[str, ...]:
        """The kinds of alert that end with a flag: none while another of its family goes on
        holding."""
        holds = int(self._decisions.after.flag_bits(change.row))
        family = self._relations.related.get(change.flag, ())
        rules = self._card.judging(self._evaluation.variant_of(change.row)).flags
        goes_on = any(holds >> f & 1 and rules[f].severity is not None for f in family)
        return () if goes_on else self._family(change.flag)

    def _briefing(self, i: int, kind: str) -> dict[str, Any]:
        """A customer may have several alerts at once: what is known of it is put together once."""
        if i not in self._common_facts:
            self._common_facts[i] = briefing.common_facts(
                self._view, self._as_decided, i, WEBHOOK_LANGUAGE
            )
        return briefing.briefing(self._view, i, kind, self._common_facts[i], WEBHOOK_LANGUAGE)

    @cached_property
    def _as_decided(self) -> Evaluation:
        """The evaluation of the whole batch with its flags as they were decided just now."""
        return as_decided(self._card, self._evaluation, self._decisions.after)

    def _band(self, change: BandChange) -> None:
        i, bands = change.row, self._card.bands
        if self._is_imported(i):
            return
        before = bands[change.before].name if change.before >= 0 else None
        after = bands[change.after].name
        self._message(
            i, unrendered_messages.BAND_CHANGED, partial(self._outcome.standing, i, before)
        )
        if 0 <= change.before < change.after and not change.anew:
            self._message(
                i, unrendered_messages.RISK_RAISED, partial(self._outcome.worse, i, before)
            )
        if change.alert:
            severity: Severity = "critical" if change.after == len(bands) - 1 else "warning"
            summary = alerts.band_drop(WEBHOOK_LANGUAGE, self._outcome.name(i), before or "", after)
            self._alert(
                i,
                BAND_ALERT,
                severity,
                summary,
                int(self._evaluation.now_us[i]),
                {"band": after, "previous_band": before},
                absence=not self._logged_us[i],  # time alone made it: nothing came
            )
        elif change.after < len(bands) // 2 <= change.before:
            self._out.endings.append((self._keys[i], BAND_ALERT, self._outcome.at(i)))

    def _is_imported(self, i: int) -> bool:
        """Whether imported events, old but only now logged, made the change: it is recorded in the
        history and alerts nobody."""
        last_seen = self._states.facts[self._outcome.row_numbers[i], facts.LAST_SEEN]
        return bool(self._logged_us[i]) and bool(
            last_seen < self._evaluation.now_us[i] - ALERT_MAX_AGE_US
        )

    def _alert(  # noqa: PLR0913  # the columns of an alert, each by name
        self,
        i: int,
        kind: str,
        severity: Severity,
        summary: str,
        onset_us: int,
        detail: dict[str, Any],
        *,
        unless_open: bool = False,
        takes_over: str = "",
        family: tuple[str, ...] = (),
        absence: bool = False,
    ) -> None:
        detail["briefing"] = self._briefing(i, kind)
        row = AlertRow(
            id=alert_id(self._outcome.customer(i), kind, onset_us),
            customer_key=self._keys[i],
            customer_id=self._outcome.customer(i),
            kind=kind,
            severity=severity,
            summary=summary,
            detail=detail_json(detail),
            onset_at=from_us(onset_us),
            raised_at=self._outcome.at(i),
            unless_open=unless_open,
            takes_over=takes_over,
            family="\n".join(family or (kind,)),
            absence=absence,
        )
        self._out.alerts.append(row)
        self._out.alert_messages[row.id] = self._unrendered(
            i, unrendered_messages.ALERT_RAISED, partial(unrendered_messages.raised, row, detail)
        )

    def _message(self, i: int, type: WebhookType[Any], data: Callable[[int], object]) -> None:
        self._out.messages.append(self._unrendered(i, type, data))

    def _unrendered(
        self, i: int, type: WebhookType[Any], data: Callable[[int], object]
    ) -> UnrenderedMessage:
        self.sequence[i] += 1
        return UnrenderedMessage(
            type,
            self._outcome.customer(i),
            self._outcome.at(i),
            int(self.sequence[i]),
            int(self._logged_us[i]),
            data,
        )
