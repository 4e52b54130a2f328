"""Turns what the core decided about rows of the states into alerts, timers and changes."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import msgspec
import numpy as np

from healthsvc.core.alerts import due_at
from healthsvc.core.decisions.changes import BandChange, FlagChange
from healthsvc.core.decisions.decide import BAND_ALERT, alert_id
from healthsvc.core.decisions.flag_changes import as_decided
from healthsvc.core.insights.rule_reasons import rule_reason
from healthsvc.core.instants import from_us
from healthsvc.core.languages import DEFAULT
from healthsvc.core.phrases import alerts
from healthsvc.core.scorecard.model import FlagRule
from healthsvc.core.scoring.evaluate import Evaluation
from healthsvc.core.scoring.view import View
from healthsvc.core.severity import Severity
from healthsvc.flows.processing.decisions import briefing
from healthsvc.flows.processing.decisions.batch_decisions import BatchDecisions
from healthsvc.flows.processing.decisions.decided_batch import DecidedBatch
from healthsvc.flows.processing.decisions.decision_changes import DecisionChanges
from healthsvc.flows.processing.decisions.decision_rows import DecisionRows
from healthsvc.flows.processing.decisions.draft_changes import AlertDraft
from healthsvc.flows.processing.decisions.summary_rows import SummaryRows
from healthsvc.store.processing import timers
from healthsvc.store.processing.alert_writes import AlertRow
from healthsvc.wire.webhooks import alerts as alert_webhooks
from healthsvc.wire.webhooks.bodies import detail_json

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
    """Writes the alerts, changes and timers that follow from one call of `decide`."""

    def __init__(
        self, relations: FlagRelations, view: View, batch: BatchDecisions, *, announces: bool
    ) -> None:
        """announces: False: what is decided is no change for anybody."""
        states, rows, evaluation = batch.states, batch.rows, batch.evaluation
        self._relations, self._view, self._batch = relations, view, batch
        self._states, self._card = states, states.program.scorecard
        self._rows, self._evaluation, self._decisions = rows, evaluation, batch.decisions
        self._outcome = DecidedBatch(view, batch)
        self._announces = announces
        self._keys: list[int] = states.key[rows].tolist()
        self._out = DecisionRows()
        self._common_facts: dict[int, dict[str, Any]] = {}

    def write(self) -> DecisionRows:
        out, decisions = self._out, self._decisions
        if self._announces:
            absent = self._relations.absent
            out.changes = DecisionChanges(self._batch, self._outcome, absent).draft()
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
            if rule.severity is not None:
                self._end(change.row, self._ended_kinds(change))
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
        if self._outcome.imported[i]:
            return
        before = bands[change.before].name if change.before >= 0 else None
        after = bands[change.after].name
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
                absence=not self._batch.logged_us[i],  # time alone made it: nothing came
            )
        elif change.after < len(bands) // 2 <= change.before:
            self._end(i, (BAND_ALERT,))

    def _end(self, i: int, kinds: tuple[str, ...]) -> None:
        """The conditions of these kinds of alert have ended."""
        if kinds:
            key, at = self._keys[i], self._outcome.at(i)
            self._out.endings += [(key, kind, at) for kind in kinds]
            self._out.ended_of[key] = self._outcome.customer(i)

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
        onset_at = from_us(onset_us)
        raised_at = max(self._outcome.at(i), onset_at)  # a sender's clock may be ahead
        tier = self._outcome.customer(i).object["tier"]
        row = AlertRow(
            id=alert_id(self._outcome.customer_id(i), kind, onset_us),
            customer_key=self._keys[i],
            customer_id=self._outcome.customer_id(i),
            kind=kind,
            severity=severity,
            summary=summary,
            detail=detail_json(detail),
            onset_at=onset_at,
            raised_at=raised_at,
            due_at=due_at(raised_at, tier, severity),
            unless_open=unless_open,
            takes_over=takes_over,
            family="\n".join(family or (kind,)),
            absence=absence,
        )
        self._out.alerts.append(row)
        if self._announces:
            customer = self._outcome.customer(i)
            data = alert_webhooks.raised(row, customer.object, msgspec.Raw(row.detail.encode()))
            self._out.alert_drafts[row.id] = AlertDraft(customer, data)
