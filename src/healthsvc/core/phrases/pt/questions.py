"""Questions that open the talk with a customer, in Portuguese: they listen before they offer."""

from collections.abc import Mapping
from typing import Final

QUESTIONS: Final[Mapping[str, str]] = {
    "question.open": (
        "O plano atende bem ao que vocês precisam hoje? E o que está para mudar por aí?"
    ),
    "question.doubts_the_cost": "Que resultados vocês esperavam de nós e ainda não estão vendo?",
    "question.right_size": (
        "De quais licenças e funcionalidades vocês ainda precisam, e quais podem sair na renovação?"
    ),
    "question.budget_review": (
        "Vocês estão planejando o próximo orçamento? Que números do uso de vocês ajudariam nisso?"
    ),
    "question.thinks_of_an_upgrade": (
        "O que vocês gostariam de fazer com o produto e hoje não conseguem?"
    ),
    "question.cancel_intent": "O que vocês esperavam fazer conosco e até agora não deu certo?",
    "question.needs_help": "O que vocês estão configurando agora, e onde está travando?",
    "question.silence": "Faz um tempo que não vemos vocês por aqui: o que mudou do lado de vocês?",
    "question.ticket_waiting": "Deixamos vocês esperando: do que precisam primeiro, e até quando?",
    "question.never_started": "O que vocês queriam fazer primeiro conosco, e o que está impedindo?",
    "question.drop": (
        "Vocês estão usando menos do que antes: como resolvem isso agora, e o que faltou aqui?"
    ),
    "question.unhappy": (
        "Vocês nos disseram que não estão satisfeitos: o que precisaria mudar primeiro?"
    ),
    "question.renewal": (
        "A renovação está chegando: do que vocês precisam de nós para decidir com segurança?"
    ),
    "question.complaint_open": (
        "Ainda não resolvemos a reclamação de vocês: o que ela está custando nesse meio-tempo?"
    ),
    "question.payment_overdue": "Uma fatura parece ter ficado parada: ela chegou à pessoa certa?",
    "question.champion_left": "Quem cuida disso agora, e do que essa pessoa precisa para começar?",
    "question.contraction": (
        "Do que vocês não precisam mais, e o que mais importa no que mantiveram?"
    ),
    "question.reassess": (
        "O que mudou para vocês desde a nossa última conversa, e do que mais precisam agora?"
    ),
    "question.notice_given": (
        "O que levou vocês a decidir sair, e o que precisaria mudar para ficarem?"
    ),
    "question.returned": "Vi que vocês voltaram a usar o produto: o que trouxe vocês de volta?",
    "question.score_above_money": (
        "Vocês usam bastante o produto: o que vocês pagam ainda combina com o que precisam?"
    ),
    "question.score_below_money": (
        "Que resultados o produto traz para vocês que talvez não apareçam para nós?"
    ),
    "question.churned": "O que deveríamos ter feito de outra forma?",
}
