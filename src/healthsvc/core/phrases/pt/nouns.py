"""What measures, flags and bands of the default scorecard are called within a Portuguese
sentence."""

from collections.abc import Mapping
from typing import Final

from healthsvc.core.phrases.grammar import Noun

BANDS: Final[Mapping[str, str]] = {
    "healthy": "saudável",
    "watch": "em observação",
    "at_risk": "em risco",
    "critical": "crítica",
}

NOUNS: Final[Mapping[str, Noun]] = {
    "activity": Noun("a atividade geral"),
    "feature_use": Noun("a frequência de uso das funcionalidades"),
    "feature_extent": Noun("a variedade de funcionalidades usadas"),
    "sessions": Noun("os acessos", plural=True),
    "events_attended": Noun("a participação em eventos"),
    "nps": Noun("a nota de NPS"),
    "csat": Noun("a satisfação"),
    "ces": Noun("a facilidade de uso"),
    "surveys_unanswered": Noun("as pesquisas sem resposta", plural=True),
    "complaints": Noun("as reclamações em aberto", plural=True),
    "complaint_served_well": Noun("uma reclamação bem atendida"),
    "complaint_served_badly": Noun("uma reclamação mal atendida"),
    "tickets": Noun("os chamados à espera da primeira resposta", plural=True),
    "help_views": Noun("as visitas às páginas de ajuda", plural=True),
    "payments": Noun("as faturas em atraso", plural=True),
    "seats_in_use": Noun("as licenças em uso", plural=True),
    "pricing_views": Noun("as visitas à página de preços", plural=True),
    "contract": Noun("a renovação do contrato"),
    "advocacy": Noun("as indicações e os depoimentos", plural=True),
    "feature_requests": Noun("os pedidos de funcionalidades", plural=True),
    "champion_left": Noun("a saída do contato principal"),
    "owner_changed": Noun("a troca do gerente de contas"),
    "cancel_views": Noun("as visitas à página de cancelamento", plural=True),
    "contacts": Noun("as conversas conosco", plural=True),
    "outreach": Noun("os contatos iniciados por nós", plural=True),
    "frozen_at_churn": Noun("o fim da assinatura"),
    "override": Noun("uma avaliação manual"),
    "rounding": Noun("o arredondamento"),
    "cancel_intent": Noun("a visita à página de cancelamento"),
    "price_review": Noun("a consulta a planos e preços"),
    "needs_help": Noun("a busca por ajuda"),
    "silent": Noun("o silêncio"),
    "ticket_waiting": Noun("a espera por uma primeira resposta"),
    "inbound": Noun("as mensagens do cliente", plural=True),
    "never_started": Noun("a falta de um começo"),
    "usage_drop": Noun("a queda no uso"),
    "fading": Noun("a queda gradual no uso"),
    "visits_fading": Noun("a queda gradual nas visitas"),
    "detractor": Noun("a resposta de detrator"),
    "complaint_open": Noun("a reclamação em aberto"),
    "payment_overdue": Noun("a fatura em atraso"),
    "renewal_near": Noun("a renovação próxima"),
    "churned": Noun("o fim da assinatura"),
    "contraction": Noun("a redução do plano"),
    "dissatisfied": Noun("a nota baixa de satisfação"),
    "unhappy": Noun("a insatisfação conosco"),
    "silent_unhappy": Noun("o silêncio de um cliente insatisfeito"),
    "silent_before_renewal": Noun("o silêncio perto da renovação"),
    "drop_before_renewal": Noun("a queda no uso perto da renovação"),
    "reassess": Noun("a falta de conversa há meio ano"),
    "promoter": Noun("a resposta de promotor"),
    "loyal": Noun("a lealdade"),
}
