"""With which question to open the talk about an alert, English and Portuguese: one that listens before it offers."""

from collections.abc import Mapping
from typing import Final

from healthsvc.core.field_words import OPEN_QUESTION, Both

_SILENCE: Final[Both] = (
    "We haven't seen you for a while: what has changed on your side?",
    "Faz um tempo que não vemos vocês por aqui: o que mudou do lado de vocês?",
)
_DROP: Final[Both] = (
    "You use us less than before: what do you do otherwise now, and what was missing here?",
    "Vocês usam menos do que antes: como fazem isso agora, e o que faltou aqui?",
)
_UNHAPPY: Final[Both] = (
    "You told us that you wouldn't recommend us: what would have to change first?",
    "Vocês disseram que não nos recomendariam: o que teria de mudar primeiro?",
)
_RENEWAL: Final[Both] = (
    "The renewal is coming: what do you need from us to decide well?",
    "A renovação está chegando: do que vocês precisam para decidir bem?",
)

QUESTIONS: Final[Mapping[str, Both]] = {
    "cancel_intent": (
        "What were you hoping to do with us that hasn't worked out so far?",
        "O que vocês esperavam fazer conosco e até agora não deu certo?",
    ),
    "needs_help": (
        "What are you setting up just now, and where does it get stuck?",
        "O que vocês estão configurando agora, e onde está travando?",
    ),
    "silent": _SILENCE,
    "usage_drop": _DROP,
    "detractor": _UNHAPPY,
    "silent_unhappy": _UNHAPPY,
    "silent_before_renewal": _RENEWAL,
    "drop_before_renewal": _RENEWAL,
    "renewal_near": _RENEWAL,
    "complaint_open": (
        "We haven't solved your complaint yet: what is it costing you meanwhile?",
        "Ainda não resolvemos a reclamação de vocês: o que ela está custando nesse meio-tempo?",
    ),
    "payment_overdue": (
        "An invoice seems to be stuck: did it reach the right person?",
        "Uma fatura parece ter ficado parada: ela chegou à pessoa certa?",
    ),
    "champion_left": (
        "Who looks after this now, and what do they need to get started?",
        "Quem cuida disso agora, e do que essa pessoa precisa para começar?",
    ),
    "contraction": (
        "What don't you need any longer, and what mattered most of what you keep?",
        "Do que vocês não precisam mais, e o que mais importa no que mantiveram?",
    ),
    "reassess": (
        "What has changed for you since we last spoke, and what do you need most now?",
        "O que mudou para vocês desde a nossa última conversa, e do que mais precisam agora?",
    ),
    "churned": (
        "What would we have had to do differently?",
        "O que deveríamos ter feito de outra forma?",
    ),
}
_BY_KIND: Final[Mapping[str, Both]] = {"absence": _SILENCE, "drop": _DROP, "ahead": _RENEWAL}


def question(alert: str, flag_kind: str | None) -> dict[str, str]:
    """The question by language; alert: its kind; flag_kind: of a scorecard's own flag, None where it isn't one."""
    english, portuguese = QUESTIONS.get(alert) or _BY_KIND.get(flag_kind or "") or OPEN_QUESTION
    return {"en": english, "pt": portuguese}
