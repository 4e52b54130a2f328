"""Questions that open the talk with a customer, in English: they listen before they offer."""

from collections.abc import Mapping
from typing import Final

QUESTIONS: Final[Mapping[str, str]] = {
    "question.open": (
        "How well does your plan fit what you need today, and what is about to change for you?"
    ),
    "question.doubts_the_cost": "Which results did you expect from us that you aren't seeing yet?",
    "question.right_size": (
        "Which of your seats and features do you still need, and which could go at the renewal?"
    ),
    "question.budget_review": (
        "Are you planning your next budget, and which of your usage figures would help you with it?"
    ),
    "question.thinks_of_an_upgrade": (
        "What would you like to do with the product that you can't do today?"
    ),
    "question.cancel_intent": "What were you hoping to do with us that hasn't worked out so far?",
    "question.needs_help": "What are you setting up at the moment, and where are you stuck?",
    "question.silence": "We haven't seen you for a while: what has changed on your side?",
    "question.ticket_waiting": ("We have kept you waiting: what do you need first, and by when?"),
    "question.never_started": (
        "What did you want to do first with us, and what is keeping you from it?"
    ),
    "question.drop": (
        "You use us less than you used to: how do you get this done now, and what was missing here?"
    ),
    "question.unhappy": (
        "You told us that you aren't happy with us: what would have to change first?"
    ),
    "question.renewal": (
        "Your renewal is coming up: what do you need from us to decide with confidence?"
    ),
    "question.complaint_open": (
        "We haven't resolved your complaint yet: what is it costing you in the meantime?"
    ),
    "question.payment_overdue": "An invoice seems to be stuck: did it reach the right person?",
    "question.champion_left": "Who looks after this now, and what do they need to get started?",
    "question.contraction": "What don't you need any more, and what matters most of what you kept?",
    "question.reassess": (
        "What has changed for you since we last spoke, and what do you need most now?"
    ),
    "question.notice_given": (
        "What made you decide to leave, and what would have to change for you to stay?"
    ),
    "question.returned": "I see that you are using the product again: what brought you back?",
    "question.score_above_money": (
        "You use the product a lot: does what you pay for still fit what you need?"
    ),
    "question.score_below_money": (
        "What do you get out of the product that we may not see from here?"
    ),
    "question.churned": "What should we have done differently?",
}
