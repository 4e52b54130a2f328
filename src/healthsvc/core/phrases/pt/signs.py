"""What single signs say of a customer: Portuguese clauses without a full stop."""

from collections.abc import Mapping
from typing import Final

SIGNS: Final[Mapping[str, str]] = {
    "sign.falling_use": "o uso caiu para {share} do habitual",
    "sign.rising_use": "o uso subiu para {share} do habitual",
    "sign.complaint_open.one": "{n} reclamação em aberto",
    "sign.complaint_open.other": "{n} reclamações em aberto",
    "sign.low_nps": "deu nota {value} de 10 na pesquisa de NPS",
    "sign.promoter": "deu nota {value} de 10 na pesquisa de NPS",
    "sign.low_csat": "avaliou a satisfação com nota {value} de 5",
    "sign.cancel_page": "visitou a página de cancelamento",
    "sign.contraction": "paga {money} a menos por mês",
    "sign.growth": "paga {money} a mais por mês",
    "sign.seats_idle": "só {share} das licenças estão em uso",
    "sign.seats_nearly_full": "{share} das licenças estão em uso",
    "sign.ticket_waiting.one": "{n} chamado à espera da primeira resposta",
    "sign.ticket_waiting.other": "{n} chamados à espera da primeira resposta",
    "sign.ticket_open.one": "{n} chamado em aberto",
    "sign.ticket_open.other": "{n} chamados em aberto",
    "sign.renewal_near.zero": "falta menos de um dia para a renovação",
    "sign.renewal_near.one": "falta {n} dia para a renovação",
    "sign.renewal_near.other": "faltam {n} dias para a renovação",
    "sign.invoice_overdue.one": "{n} fatura em atraso",
    "sign.invoice_overdue.other": "{n} faturas em atraso",
    "sign.billing_pages.one": "{n} visita às páginas de cobrança",
    "sign.billing_pages.other": "{n} visitas às páginas de cobrança",
    "sign.spec_pages.one": "{n} visita às páginas de especificação",
    "sign.spec_pages.other": "{n} visitas às páginas de especificação",
    "sign.cancelled.zero": "cancelou, e a assinatura termina em menos de um dia",
    "sign.cancelled.one": "cancelou, e a assinatura termina em {n} dia",
    "sign.cancelled.other": "cancelou, e a assinatura termina em {n} dias",
    "sign.contract_signed.zero": "renovou o contrato há menos de um dia",
    "sign.contract_signed.one": "renovou o contrato há {n} dia",
    "sign.contract_signed.other": "renovou o contrato há {n} dias",
    "sign.large_account": "paga {money} por mês",
}
