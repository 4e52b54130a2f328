"""Portuguese sentences: health and its changes, ranks, readings, stages, touch, and alerts."""

from collections.abc import Mapping
from typing import Final

SENTENCES: Final[Mapping[str, str]] = {
    # spans of time
    "span.minute.one": "{n} minuto",
    "span.minute.other": "{n} minutos",
    "span.hour.one": "{n} hora",
    "span.hour.other": "{n} horas",
    "span.day.one": "{n} dia",
    "span.day.other": "{n} dias",
    "span.clock": "{time} de {day} (UTC)",
    # names
    "noun.own_measure": "o indicador “{name}”",
    "noun.own_flag": "o sinal “{name}”",
    "fact.renewal_at": "a renovação",
    "fact.cancel_effective": "o fim da assinatura",
    "fact.mrr_change": "a variação da receita mensal",
    "fact.nps": "a nota de NPS",
    "fact.csat": "a nota de satisfação",
    "fact.ces": "a nota de facilidade de uso",
    "fact.seats_active": "o número de licenças ativas",
    "fact.seats": "o número de licenças",
    "fact.own": "o dado “{name}”",
    # why the score is what it is
    "health.left": "{customer} saiu. Quando saiu, a saúde estava em {score} de 100",
    "health.unknown": "Ainda não há informações suficientes para avaliar a saúde de {customer}.",
    "health.is": "A saúde de {customer} está em {score} de 100",
    "health.helps.one": "o que mais ajuda é {what}",
    "health.helps.other": "o que mais ajuda são {what}",
    "health.costs.one": "o que mais pesa é {what}",
    "health.costs.other": "o que mais pesa são {what}",
    "health.capped": "A pontuação está limitada {what}",
    "health.override": "Trata-se de uma avaliação manual",
    "contribution.override": "Uma avaliação manual substitui a pontuação.",
    "contribution.frozen": "A assinatura terminou; a pontuação fica como estava naquele momento.",
    # by which rule a flag holds
    "reason.own_rhythm": "costuma vir a cada {usual}; está há {quiet} em silêncio",
    "reason.daily_rhythm": "costuma vir quase todos os dias; está há {quiet} em silêncio",
    "reason.fixed_span": "está há {quiet} em silêncio; o ritmo habitual ainda não é conhecido",
    "reason.habit": "{share} do nível habitual",
    "reason.last_year": "{share} do nível dos últimos meses",
    "reason.recurring": "faz isso repetidamente",
    "alert.title_with_reason": "{title} ({reason})",
    # how much is known
    "coverage.low": "Pouco se sabe deste cliente: {share} da régua de pontuação.",
    "coverage.medium": "Conhecemos parte do quadro: {share} da régua de pontuação.",
    "coverage.high": "Conhecemos a maior parte do quadro: {share} da régua de pontuação.",
    "coverage.missing": "Ainda não há dados sobre {what}.",
    "coverage.missing_most": "Ainda não há dados principalmente sobre {what}.",
    # how the score moved
    "change.imported": (
        "O que aconteceu antes de {since} foi importado em {imported}; por isso a comparação segue"
        " as datas dos acontecimentos."
    ),
    "change.unknown": (
        "Não havia informações suficientes entre {since} e {until} para comparar a saúde de"
        " {customer}."
    ),
    "change.steady": "A saúde de {customer} ficou em {after} entre {since} e {until}",
    "change.same": (
        "A saúde de {customer} estava em {after} no início e no fim do período de {since} a {until}"
    ),
    "change.rose.one": (
        "A saúde de {customer} subiu {points} ponto, de {before} para {after}, entre {since} e"
        " {until}"
    ),
    "change.rose.other": (
        "A saúde de {customer} subiu {points} pontos, de {before} para {after}, entre {since} e"
        " {until}"
    ),
    "change.fell.one": (
        "A saúde de {customer} caiu {points} ponto, de {before} para {after}, entre {since} e"
        " {until}"
    ),
    "change.fell.other": (
        "A saúde de {customer} caiu {points} pontos, de {before} para {after}, entre {since} e"
        " {until}"
    ),
    "change.with_causes": "{head}: {causes}.",
    "change.gained.one": "ganhou {points} ponto {cause}",
    "change.gained.other": "ganhou {points} pontos {cause}",
    "change.lost.one": "perdeu {points} ponto {cause}",
    "change.lost.other": "perdeu {points} pontos {cause}",
    "cause.new_events": "pelo que aconteceu desde então",
    "cause.ageing": "pela passagem do tempo",
    "cause.late_data": "por eventos anteriores que chegaram atrasados",
    "cause.configuration": "por uma mudança na régua de pontuação",
    "cause.override": "por uma avaliação manual",
    # why an alert is ranked where it is
    "rank.critical": "crítico",
    "rank.warning": "atenção",
    "rank.info": "para conhecimento",
    "rank.money": "paga {money} por mês",
    "rank.money.unknown": "receita mensal desconhecida",
    "rank.began": "começou há {span}",
    "rank.just_began": "começou há menos de um minuto",
    "rank.low_band": "saúde baixa",
    "rank.chance.good": "boa chance de manter o cliente",
    "rank.chance.fair": "chance razoável de manter o cliente",
    "rank.chance.slim": "pouca chance de manter o cliente",
    "rank.notice": "já avisou que vai sair",
    "worklist.band": "{customer}: a saúde está na faixa {band}. Leia a explicação e ligue.",
    "rank.spoken": "alguém já falou com o cliente depois disso",
    "rank.cap": "já contatado vezes suficientes nos últimos dias",
    # the pricing page, help, and score against money
    "reading.doubts_the_cost": "dúvida se o produto vale o que custa",
    "reading.right_size": "um plano maior do que o uso",
    "reading.budget_review": "uma revisão de orçamento no departamento",
    "reading.thinks_of_an_upgrade": "interesse em ampliar o plano",
    "review.likely": "Leitura mais provável: {reading} ({evidence}).",
    "review.several": "Ambíguo: há indícios de mais de uma leitura. Pergunte antes de concluir.",
    "review.nothing": "Ambíguo: nada distingue as leituras. Pergunte antes de concluir.",
    "help.unknown": (
        "{customer} procura ajuda; as páginas não dizem com qual funcionalidade. Pergunte."
    ),
    "help.with": "{customer} procura ajuda com {features}. Ofereça o guia correspondente.",
    "disagreement.high": "A pontuação é alta, mas o dinheiro diz o contrário: {sign}.",
    "disagreement.low": "A pontuação é baixa, e há dinheiro em jogo: {sign}.",
    # why nothing more may be offered
    "expansion.churned": "A assinatura terminou.",
    "expansion.complaint_open": "Há uma reclamação em aberto: resolva-a primeiro.",
    "expansion.invoice_overdue": "Há uma fatura em atraso: pergunte sobre ela primeiro.",
    "expansion.contraction": "O cliente paga menos do que antes: descubra primeiro o motivo.",
    "expansion.just_sold": (
        "Venda feita há menos de 30 dias: deixe o cliente perceber o valor primeiro."
    ),
    "expansion.first_seen_lately": (
        "Visto pela primeira vez há menos de 30 dias, e a data da venda não é conhecida: deixe o"
        " cliente perceber o valor primeiro."
    ),
    "expansion.onboarding": "Ainda em onboarding: deixe o cliente perceber o valor primeiro.",
    "expansion.not_enough_evidence": "Ainda não há informações suficientes para avaliar a relação.",
    "expansion.flag": "{title}: a relação está frágil.",
    "expansion.band": "O cliente está na faixa “{band}”: a relação está frágil.",
    # stages of the lifecycle
    "stage.by_sender": "É o que os seus próprios sistemas informam.",
    "stage.by_churn": "A assinatura terminou.",
    "stage.no_rule": "Nenhuma regra da régua de pontuação se aplica.",
    "stage.first_seen": (
        "Visto pela primeira vez há menos de {days}; a data da venda não é conhecida."
    ),
    "stage.sold": "Venda feita há menos de {days}.",
    "stage.ahead": "Menos de {days} até {fact}.",
    "stage.fed": "Houve eventos para {measure} nos últimos {days}.",
    "stage.fed.advocacy": "Recomendou a nossa empresa nos últimos {days}.",
    "stage.reached": "Nos últimos {days}, {fact} foi de pelo menos {at}.",
    "stage.reached.mrr_change": "Passou para um plano maior nos últimos {days}.",
    "stage.ratio": "A razão entre {fact} e {to} é de pelo menos {share}.",
    "stage.ratio.seats_active": "Pelo menos {share} das licenças estão em uso.",
    "stage.adopted": "Pelo menos {share} das funcionalidades contratadas já foram usadas.",
    "stage.otherwise": "Nenhuma regra de outra etapa se aplica.",
    # the suggested touch
    "touch.high": "high touch",
    "touch.low": "low touch",
    "touch.tech": "tech touch",
    "touch.spend": "paga {value} por mês ({line} ou mais)",
    "touch.use": "usa o produto {value} vezes por dia ({line} ou mais)",
    "touch.conversations": "conversa conosco {value} vezes por mês ({line} ou mais)",
    "touch.nothing": "nada pede mais do que isso",
    "touch.disagrees": "Os seus sistemas indicam {tier}; a sugestão é {suggested}: {reasons}.",
    # alerts about customers
    "alert.summary": "{customer}: {title}.",
    "alert.summary_with_step": "{customer}: {title}. {step}",
    "alert.band_drop": "a saúde caiu de “{before}” para “{after}”",
    "alert.band_drop.play": "Leia a explicação para ver o que mais pesa e depois ligue.",
    # alerts about the service
    "scope.fleet": "de todas as fontes",
    "scope.source": "da fonte “{name}”",
    "scope.segment": "do segmento “{name}”",
    "operations.fleet_guard": (
        "Os eventos {scope} caíram para {share} do volume habitual: {came} em vez de {usual} em"
        " {span}. Os alertas de silêncio e de queda no uso estão suspensos, e as pontuações estão"
        " marcadas como desatualizadas. Verifique primeiro a coleta de eventos."
    ),
    "operations.measures_unfed.one": (
        "Nenhum evento alimentou o indicador {names} em {days}, portanto ele não diz nada sobre"
        " nenhum cliente. Ou a régua de pontuação cita um tipo de evento ou uma propriedade que"
        " ninguém envia, ou uma fonte parou."
    ),
    "operations.measures_unfed.other": (
        "Nenhum evento alimentou os indicadores {names} em {days}, portanto eles não dizem nada"
        " sobre nenhum cliente. Ou a régua de pontuação cita um tipo de evento ou uma propriedade"
        " que ninguém envia, ou uma fonte parou."
    ),
    "operations.model_drift.more": (
        "Mais clientes cancelam do que o modelo de risco prevê: das {rows} previsões que venceram"
        " desde que ele entrou em uso, esperavam-se {expected} de cancelamentos, e foram {left}."
        " Ajuste-o de novo: POST /v1/lab/runs com kind fit."
    ),
    "operations.model_drift.fewer": (
        "Menos clientes cancelam do que o modelo de risco prevê: das {rows} previsões que venceram"
        " desde que ele entrou em uso, esperavam-se {expected} de cancelamentos, e foram {left}."
        " Ajuste-o de novo: POST /v1/lab/runs com kind fit."
    ),
}
