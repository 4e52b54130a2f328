"""English sentences: health and its changes, ranks, readings, stages, touch, and alerts."""

from collections.abc import Mapping
from typing import Final

SENTENCES: Final[Mapping[str, str]] = {
    # spans of time
    "span.minute.one": "{n} minute",
    "span.minute.other": "{n} minutes",
    "span.hour.one": "{n} hour",
    "span.hour.other": "{n} hours",
    "span.day.one": "{n} day",
    "span.day.other": "{n} days",
    "span.clock": "{time} on {day} (UTC)",
    # names
    "noun.own_measure": "the measure “{name}”",
    "noun.own_flag": "the flag “{name}”",
    "fact.renewal_at": "the renewal",
    "fact.cancel_effective": "the end of the subscription",
    "fact.mrr_change": "the change in monthly revenue",
    "fact.nps": "the NPS score",
    "fact.csat": "the satisfaction score",
    "fact.ces": "the ease-of-use score",
    "fact.seats_active": "the number of active seats",
    "fact.seats": "the number of seats",
    "fact.own": "the fact “{name}”",
    # why the score is what it is
    "health.left": "{customer} has left. Its health was {score} out of 100 when it did",
    "health.unknown": "There isn't enough evidence yet to judge the health of {customer}.",
    "health.is": "The health of {customer} is {score} out of 100",
    "health.helps.one": "{what} helps the most",
    "health.helps.other": "{what} help the most",
    "health.costs.one": "{what} weighs on it the most",
    "health.costs.other": "{what} weigh on it the most",
    "health.capped": "The score is capped because of {what}",
    "health.override": "It is a manual assessment",
    "contribution.override": "A manual assessment stands in place of the score.",
    "contribution.frozen": "The subscription ended; the score stays as it was then.",
    # by which rule a flag holds
    "reason.own_rhythm": "usually comes every {usual}; {quiet} quiet",
    "reason.daily_rhythm": "usually comes almost every day; {quiet} quiet",
    "reason.fixed_span": "{quiet} quiet; its usual rhythm isn't known",
    "reason.habit": "{share} of its usual level",
    "reason.last_year": "{share} of its level over the past months",
    "reason.recurring": "does so time and again",
    "alert.title_with_reason": "{title} ({reason})",
    # how much is known
    "coverage.low": "Little is known of this customer: {share} of the scorecard.",
    "coverage.medium": "Part of the picture is known: {share} of the scorecard.",
    "coverage.high": "Most of the picture is known: {share} of the scorecard.",
    "coverage.missing": "No data yet on {what}.",
    "coverage.missing_most": "Above all, there is no data yet on {what}.",
    # how the score moved
    "change.imported": (
        "What happened before {since} was imported on {imported}, so the comparison goes by when"
        " things happened."
    ),
    "change.unknown": (
        "There wasn't enough evidence between {since} and {until} to compare the health of"
        " {customer}."
    ),
    "change.steady": "The health of {customer} stayed at {after} between {since} and {until}",
    "change.same": (
        "The health of {customer} was {after} at both ends of the period from {since} to {until}"
    ),
    "change.rose.one": (
        "The health of {customer} rose by {points} point, from {before} to {after}, between {since}"
        " and {until}"
    ),
    "change.rose.other": (
        "The health of {customer} rose by {points} points, from {before} to {after}, between"
        " {since} and {until}"
    ),
    "change.fell.one": (
        "The health of {customer} fell by {points} point, from {before} to {after}, between {since}"
        " and {until}"
    ),
    "change.fell.other": (
        "The health of {customer} fell by {points} points, from {before} to {after}, between"
        " {since} and {until}"
    ),
    "change.with_causes": "{head}: it {causes}.",
    "change.gained.one": "gained {points} point {cause}",
    "change.gained.other": "gained {points} points {cause}",
    "change.lost.one": "lost {points} point {cause}",
    "change.lost.other": "lost {points} points {cause}",
    "cause.new_events": "through what has happened since",
    "cause.ageing": "as time passed",
    "cause.late_data": "because of earlier events that arrived late",
    "cause.configuration": "because of a change to the scorecard",
    "cause.override": "because of a manual assessment",
    # why an alert is ranked where it is
    "rank.critical": "critical",
    "rank.warning": "warning",
    "rank.info": "for information",
    "rank.money": "pays {money} a month",
    "rank.money.unknown": "monthly revenue not known",
    "rank.began": "began {span} ago",
    "rank.just_began": "began less than a minute ago",
    "rank.low_band": "low health",
    "rank.chance.good": "a good chance to keep them",
    "rank.chance.fair": "a fair chance to keep them",
    "rank.chance.slim": "a slim chance to keep them",
    "rank.notice": "they have given notice",
    "worklist.band": "{customer}: health is {band}. Read the explanation, then call.",
    "rank.spoken": "someone has spoken with them since",
    "rank.cap": "contacted often enough lately",
    # the pricing page, help, and score against money
    "reading.doubts_the_cost": "doubts that the product is worth its price",
    "reading.right_size": "a plan larger than what they use",
    "reading.budget_review": "a budget review in their department",
    "reading.thinks_of_an_upgrade": "interest in an upgrade",
    "review.likely": "Most likely reading: {reading} ({evidence}).",
    "review.several": (
        "Ambiguous: there is evidence for more than one reading. Ask before you draw a conclusion."
    ),
    "review.nothing": (
        "Ambiguous: nothing tells the readings apart. Ask before you draw a conclusion."
    ),
    "help.unknown": "{customer} is looking for help; the pages don't say with which feature. Ask.",
    "help.with": "{customer} is looking for help with {features}. Offer the matching guide.",
    "disagreement.high": "The score is high, but the money says otherwise: {sign}.",
    "disagreement.low": "The score is low, and there is money at stake: {sign}.",
    # why nothing more may be offered
    "expansion.churned": "The subscription ended.",
    "expansion.complaint_open": "A complaint is open: resolve it first.",
    "expansion.invoice_overdue": "An invoice is overdue: ask about it first.",
    "expansion.contraction": "They pay less than before: find out why first.",
    "expansion.just_sold": "Sold less than 30 days ago: let them see the value first.",
    "expansion.first_seen_lately": (
        "First seen less than 30 days ago, and the date of the sale isn't known: let them see the"
        " value first."
    ),
    "expansion.onboarding": "Still in onboarding: let them see the value first.",
    "expansion.not_enough_evidence": "There isn't enough evidence yet to judge the relationship.",
    "expansion.flag": "{title}: the relationship is fragile.",
    "expansion.band": "The customer is in the band “{band}”: the relationship is fragile.",
    # stages of the lifecycle
    "stage.by_sender": "Your own systems say so.",
    "stage.by_churn": "The subscription ended.",
    "stage.no_rule": "No rule of the scorecard applies.",
    "stage.first_seen": "First seen less than {days} ago; the date of the sale isn't known.",
    "stage.sold": "Sold less than {days} ago.",
    "stage.ahead": "Less than {days} until {fact}.",
    "stage.fed": "Events counted towards {measure} in the last {days}.",
    "stage.fed.advocacy": "Recommended us in the last {days}.",
    "stage.reached": "In the last {days}, {fact} was at least {at}.",
    "stage.reached.mrr_change": "Moved to a larger plan in the last {days}.",
    "stage.ratio": "The ratio of {fact} to {to} is at least {share}.",
    "stage.ratio.seats_active": "At least {share} of the seats are in use.",
    "stage.adopted": "At least {share} of their features have been used.",
    "stage.otherwise": "No rule of another stage applies.",
    # the suggested touch
    "touch.high": "high touch",
    "touch.low": "low touch",
    "touch.tech": "tech touch",
    "touch.spend": "pays {value} a month ({line} or more)",
    "touch.use": "uses the product {value} times a day ({line} or more)",
    "touch.conversations": "talks with us {value} times a month ({line} or more)",
    "touch.nothing": "nothing calls for more",
    "touch.disagrees": "Your systems say {tier}; {suggested} is suggested: {reasons}.",
    # alerts about customers
    "alert.summary": "{customer}: {title}.",
    "alert.summary_with_step": "{customer}: {title}. {step}",
    "alert.band_drop": "health fell from {before} to {after}",
    "alert.band_drop.play": "Read the explanation to see what weighs most, then call.",
    # alerts about the service
    "scope.fleet": "from all sources",
    "scope.source": "from the source “{name}”",
    "scope.segment": "from the segment “{name}”",
    "operations.fleet_guard": (
        "Events {scope} fell to {share} of the usual volume: {came} instead of {usual} within"
        " {span}. Alerts about silence and falling usage are on hold, and scores are marked as"
        " stale. Check your tracking first."
    ),
    "operations.measures_unfed.one": (
        "No event has counted towards the measure {names} in {days}, so it says nothing about any"
        " customer. Either the scorecard names an event type or property that nobody sends, or a"
        " source has stopped."
    ),
    "operations.measures_unfed.other": (
        "No event has counted towards the measures {names} in {days}, so they say nothing about any"
        " customer. Either the scorecard names an event type or property that nobody sends, or a"
        " source has stopped."
    ),
    "operations.model_drift.more": (
        "More customers leave than the risk model predicts: of {rows} predictions that have matured"
        " since it went live it expected {expected} to leave, and {left} did. Refit it: POST"
        " /v1/lab/runs with kind fit."
    ),
    "operations.model_drift.fewer": (
        "Fewer customers leave than the risk model predicts: of {rows} predictions that have"
        " matured since it went live it expected {expected} to leave, and {left} did. Refit it:"
        " POST /v1/lab/runs with kind fit."
    ),
}
