"""What the core decided about rows of the states, told as rows of the database and webhooks to
be."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from healthsvc.core.arrays import Instants, Rows
from healthsvc.core.decisions.alert_groups import absence_flags, alert_groups
from healthsvc.core.decisions.changes import ALERT_MAX_AGE_US, BandChange, FlagChange
from healthsvc.core.decisions.decide import BAND_ALERT, Decisions, alert_id, decide, flag_names
from healthsvc.core.decisions.flag_changes import as_decided
from healthsvc.core.folding import facts
from healthsvc.core.folding.decision_state import UNLISTED, DecisionStates
from healthsvc.core.folding.states import States
from healthsvc.core.insights.rule_reasons import rule_reason
from healthsvc.core.instants import from_us
from healthsvc.core.languages import DEFAULT
from healthsvc.core.phrases import alerts
from healthsvc.core.scorecard.model import FlagRule
from healthsvc.core.scoring import icp, loyalty
from healthsvc.core.scoring.evaluate import Evaluation, evaluate
from healthsvc.core.scoring.lifecycle import stage_name
from healthsvc.core.scoring.view import View
from healthsvc.core.severity import Severity
from healthsvc.flows.processing.decisions import briefing, unrendered_messages
from healthsvc.flows.processing.decisions.decided_batch import DecidedBatch
from healthsvc.flows.processing.decisions.unrendered_messages import UnrenderedMessage
from healthsvc.store.database.copying import Block
from healthsvc.store.processing import decision_rows, timers
from healthsvc.store.processing.alert_writes import AlertRow
from healthsvc.wire.webhooks.bodies import detail_json
from healthsvc.wire.webhooks.webhook_type import WebhookType

VARIANT = "variant"
"""The cause of a decision by another variant of the scorecard: the customer's place has changed."""
WEBHOOK_LANGUAGE: Final = DEFAULT
"""Alerts are kept, and webhooks sent, in this language; whoever reads alerts in another has them
worded anew."""


@dataclass(slots=True, kw_only=True)
class DecisionRows:
    """Everything that a flush writes about decisions."""

    standings: Block = field(default_factory=list)
    moves: Block = field(default_factory=list)
    """Standings of those whose profile is listed already."""
    history: Block = field(default_factory=list)
    alerts: list[AlertRow] = field(default_factory=list)
    endings: list[tuple[int, str, datetime]] = field(default_factory=list)
    """(customer_key, kind, instant) of alerts whose condition ended."""
    messages: list[UnrenderedMessage] = field(default_factory=list)
    alert_messages: dict[str, UnrenderedMessage] = field(default_factory=dict)
    """By the id of the alert that they announce: sent only if the alert is new."""
    timers: Block = field(default_factory=list)
    timers_gone: list[int] = field(default_factory=list)
    next_due_us: float = float("inf")

    @classmethod
    def joined(cls, parts: Sequence["DecisionRows"]) -> "DecisionRows":
        """Those of several groups of customers, no customer in two of them."""
        if len(parts) == 1:
            return parts[0]
        return cls(
            standings=[piece for part in parts for piece in part.standings],
            moves=[piece for part in parts for piece in part.moves],
            history=[piece for part in parts for piece in part.history],
            alerts=[alert for part in parts for alert in part.alerts],
            endings=[ending for part in parts for ending in part.endings],
            messages=[draft for part in parts for draft in part.messages],
            alert_messages={
                id: draft for part in parts for id, draft in part.alert_messages.items()
            },
            timers=[piece for part in parts for piece in part.timers],
            timers_gone=[key for part in parts for key in part.timers_gone],
            next_due_us=min((part.next_due_us for part in parts), default=float("inf")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _FlagRelations:
    """What the flags of a scorecard have to do with each other."""

    absent: frozenset[str]
    """Flags that say that something didn't happen."""
    related: dict[int, tuple[int, ...]]
    """By flag that has relatives: its family."""


class Decider:
    """Decides rows of the states and words the outcome; one for each projection in memory."""

    def __init__(self, states: States, projection: int, scorecard_version: int) -> None:
        self._states = states
        self._projection = projection
        self._version = scorecard_version
        card = states.program.scorecard
        self._relations = _FlagRelations(absent=absence_flags(card), related=alert_groups(card))

    def decide(self, rows: Rows, now_us: Instants, logged_us: Instants) -> DecisionRows:
        """Decide these rows, each as of its instant, and remember it in the states.

        logged_us: when the newest event behind it entered the log, 0 for none (time alone).
        """
        states = self._states
        view = View(states.program, *states.columns(rows), now_us=now_us, risk=states.risk[rows])
        evaluation = evaluate(view)
        before = states.decisions.take(rows)
        decisions = decide(states.program, evaluation, before)
        self._list_loyalty(view, decisions, before)
        writer = DecisionWriter(
            self._relations,
            states,
            self._projection,
            self._version,
            rows,
            view,
            evaluation,
            decisions,
            before,
            logged_us,
        )
        states.decisions.put(rows, decisions.after)
        decision_rows = writer.write()
        states.decisions.sequence[rows] = writer.sequence
        return decision_rows

    def _list_loyalty(self, view: View, decisions: Decisions, before: DecisionStates) -> None:
        """Loyalty moves slowly, so it is looked at where something else is written; whoever has
        left has none."""
        listed = decisions.standings.copy()
        listed[decisions.history] = True
        values, anew = loyalty.to_list(view, listed, before.loyalty)
        values = np.where(np.isnan(decisions.after.score_at_churn), values, np.nan)
        decisions.standings[:] |= anew
        decisions.after.loyalty = np.where(decisions.standings, values, before.loyalty)

    def postpone(self, rows: Rows, due_us: int, now_us: int) -> DecisionRows:
        """Leave these rows undecided until `due_us`: history that is being imported is decided
        once, at its end."""
        decision_rows = DecisionRows()
        unlisted = [row for row in rows.tolist() if row in self._states.profile_changed]
        self._states.decisions.listed_score[unlisted] = (
            UNLISTED  # they may be evicted before they are decided
        )
        due = self._states.decisions.due[rows]
        later = rows[(due > due_us) | (due <= now_us)]
        self._states.decisions.due[later] = due_us
        if len(later):
            due_at = np.full(len(later), due_us, np.int64)
            decision_rows.timers = timers.rows(
                self._projection, self._states.key[later], self._states.partition[later], due_at
            )
            decision_rows.next_due_us = due_us
        return decision_rows


class DecisionWriter:
    """One call of `decide`, worded."""

    def __init__(  # noqa: PLR0913  # hot path: no object is made for each batch
        self,
        relations: _FlagRelations,
        states: States,
        projection: int,
        version: int,
        rows: Rows,
        view: View,
        evaluation: Evaluation,
        decisions: Decisions,
        before: DecisionStates,
        logged_us: Instants,
    ) -> None:
        card = states.program.scorecard
        self._relations, self._view = relations, view
        self._states, self._card, self._projection, self._version = (
            states,
            card,
            projection,
            version,
        )
        self._rows, self._evaluation, self._decisions = rows, evaluation, decisions
        self._outcome = DecidedBatch(
            states, rows, decisions, evaluation.now_us, before.risk.copy(), version
        )
        self._logged_us, self._listed = logged_us, before.listed_score
        self.sequence = decisions.after.sequence.copy()
        self._keys: list[int] = states.key[rows].tolist()
        self._out = DecisionRows()
        self._common_facts: dict[int, dict[str, Any]] = {}

    def write(self) -> DecisionRows:
        out, decisions = self._out, self._decisions
        for change in decisions.bands:
            self._band(change)
        for flag in decisions.flags:
            self._flag(flag)
        self._history()
        self._standings()
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
                self._projection, states.key[rows], states.partition[rows], due_us
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
            decided = as_decided(self._card, self._evaluation, self._decisions.after)
            self._common_facts[i] = briefing.common_facts(self._view, decided, i, WEBHOOK_LANGUAGE)
        return briefing.briefing(self._view, i, kind, self._common_facts[i], WEBHOOK_LANGUAGE)

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
        """Whether old events, logged only now, changed something: that makes history, and no
        noise."""
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
        self._out.alert_messages[row.id] = self._drafted(
            i, unrendered_messages.ALERT_RAISED, partial(unrendered_messages.raised, row, detail)
        )

    def _message(self, i: int, type: WebhookType[Any], data: Callable[[int], object]) -> None:
        self._out.messages.append(self._drafted(i, type, data))

    def _drafted(
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

    def _decided(self, at: NDArray[np.int64]) -> decision_rows.DecidedColumns:
        """What lists and history say alike of some."""
        after, rows = self._decisions.after.take(at), self._rows[at]
        flags = self._card.flag_names
        names = self._outcome.band_names
        return decision_rows.DecidedColumns(
            keys=self._states.key[rows],
            partitions=self._states.partition[rows],
            decided_us=self._evaluation.now_us[at],
            scores=self._decisions.score[at],
            risks=self._decisions.risk[at],
            bands=[names[band] for band in after.band.astype(np.int64).tolist()],
            flags=[flag_names(flags, mask) for mask in after.flags.tolist()],
        )

    def _history(self) -> None:
        at = self._decisions.history
        if len(at):
            causes = ["events" if logged else "ageing" for logged in self._logged_us[at].tolist()]
            if self._decisions.anew.any():
                causes = [
                    VARIANT if a else c
                    for a, c in zip(self._decisions.anew[at].tolist(), causes, strict=True)
                ]
            self._out.history = decision_rows.history_rows(
                self._projection, self._version, self._decided(at), causes
            )

    def _standings(self) -> None:
        states, changed, whole = self._states, self._decisions.standings, ~np.isfinite(self._listed)
        if states.profile_changed:
            renamed = np.fromiter(
                map(states.profile_changed.__contains__, self._outcome.row_numbers),
                bool,
                len(self._rows),
            )
            changed, whole = changed | renamed, whole | renamed
        self._list_whole(np.flatnonzero(changed & whole))
        self._list_moved(np.flatnonzero(changed & ~whole))

    def _list_whole(self, at: NDArray[np.int64]) -> None:
        if not len(at):
            return
        states, stages = self._states, self._evaluation.stages.stage
        customers, profiles, ideal = [], [], states.program.relationship.icp
        for row, stage in zip(self._rows[at].tolist(), stages[at].tolist(), strict=True):
            profile = states.profile_values(row) if states.has_profile(row) else {}
            customers.append(states.ids[row])
            labels = tuple(map(profile.get, ("name", "owner", "segment", "tier")))
            fit = icp.fit(profile, ideal).fit if ideal else None
            placed = (*labels, stage_name(stage), profile.get("parent_id") or None)
            profiles.append(decision_rows.SummaryProfile(placed, fit))
        loyalties = self._decisions.after.loyalty[at]
        decided = self._decided(at)
        self._out.standings = decision_rows.standings_rows(
            self._projection, decided, loyalties, customers, profiles
        )

    def _list_moved(self, at: NDArray[np.int64]) -> None:
        if not len(at):
            return
        stages = list(map(stage_name, self._evaluation.stages.stage[at].tolist()))
        loyalties = self._decisions.after.loyalty[at]
        self._out.moves = decision_rows.moved_rows(
            self._projection, self._decided(at), loyalties, stages
        )
