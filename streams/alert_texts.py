"""What an alert says to people in their company's language: a title and a sentence, and never who a contact is."""

from zoneinfo import ZoneInfo

from babel.dates import format_date
from babel.numbers import format_percent

from schemas.alerts import AlertKind, AlertRaised
from schemas.company import Company
from schemas.envelope import Event
from schemas.instants import moment
from schemas.listening import Language

_TEXTS: dict[AlertKind, dict[Language, tuple[str, str]]] = {
    "missed_call": {
        "en": (
            "Missed call not returned",
            "A call missed at {since} was not returned within {minutes} min. Missed calls of this contact: {count}.",
        ),
        "ru": (
            "Пропущенный без обратного звонка",
            "На пропущенный звонок ({since}) не перезвонили за {minutes} мин. Пропущенных от этого клиента: {count}.",
        ),
        "kk": (
            "Өткізіп алынған қоңырауға жауап жоқ",
            "Өткізіп алынған қоңырауға ({since}) {minutes} мин ішінде қайта қоңырау шалынбады. "
            "Осы клиенттің өткізіп алынған қоңыраулары: {count}.",
        ),
        "pt": (
            "Chamada perdida sem retorno",
            "A chamada perdida ({since}) não teve retorno em {minutes} min. Chamadas perdidas deste contato: {count}.",
        ),
    },
    "low_answer_rate": {
        "en": (
            "Few calls are answered",
            "In the last {minutes} minutes {share} of {count} incoming calls were answered.",
        ),
        "ru": (
            "Мало отвеченных звонков",
            "За последние {minutes} минут отвечено {share} входящих звонков из {count}.",
        ),
        "kk": (
            "Жауап берілген қоңыраулар аз",
            "Соңғы {minutes} минутта {count} кіріс қоңыраудың {share}-ына жауап берілді.",
        ),
        "pt": (
            "Poucas chamadas atendidas",
            "Nos últimos {minutes} minutos foram atendidas {share} de {count} chamadas recebidas.",
        ),
    },
    "permission_expiring": {
        "en": ("Permission to call runs out", "A permission to call, given at {since}, runs out within {minutes} min."),
        "ru": (
            "Истекает согласие на звонки",
            "Согласие клиента на звонки (с {since}) истекает в ближайшие {minutes} мин.",
        ),
        "kk": (
            "Қоңырауға келісім бітеді",
            "Клиенттің қоңырауға келісімі (берілген уақыты: {since}) {minutes} мин ішінде бітеді.",
        ),
        "pt": (
            "Consentimento expira",
            "O consentimento de um contato para ligações (desde {since}) expira em até {minutes} min.",
        ),
    },
    "account_restricted": {
        "en": ("Account restricted", "The provider has limited {about} since {since}."),
        "ru": ("Подключение ограничено", "Провайдер ограничил подключение {about} с {since}."),
        "kk": ("Қосылым шектелді", "Провайдер {about} қосылымын шектеді. Басталған уақыты: {since}."),
        "pt": ("Conta restrita", "O provedor restringiu a conta {about} desde {since}."),
    },
    "low_quality": {
        "en": ("Quality warning", "The provider has judged the quality of {about} as low since {since}."),
        "ru": ("Предупреждение о качестве", "Провайдер оценивает качество подключения {about} как низкое с {since}."),
        "kk": ("Сапа туралы ескерту", "Провайдер {about} қосылымының сапасын төмен деп бағалады. Уақыты: {since}."),
        "pt": ("Aviso de qualidade", "O provedor avalia a qualidade da conta {about} como baixa desde {since}."),
    },
    "rejection_streak": {
        "en": (
            "Calls declined in a row",
            "{count} calls in a row from {about} were declined, the third at {since}. That is how blocks begin.",
        ),
        "ru": (
            "Отказы подряд",
            "С подключения {about} подряд отклонено звонков: {count}, третий — {since}. Так начинаются блокировки.",
        ),
        "kk": (
            "Қатарынан қабылданбаған қоңыраулар",
            "{about} қосылымынан шалынған {count} қоңырау қатарынан қабылданбады, үшіншісі: {since}. "
            "Бұғаттау осыдан басталады.",
        ),
        "pt": (
            "Recusas seguidas",
            "Na conta {about}, {count} chamadas seguidas recusadas, a terceira às {since}. Assim começam os bloqueios.",
        ),
    },
    "source_silent": {
        "en": (
            "Account is silent",
            "{about} has told of nothing since {since}, for over {minutes} min of business time.",
        ),
        "ru": ("Подключение молчит", "От {about} ничего не приходит с {since}, дольше {minutes} мин рабочего времени."),
        "kk": ("Қосылым үнсіз", "{about}: жұмыс уақытының {minutes} минутынан артық хабар жоқ. Соңғысы: {since}."),
        "pt": ("Conta em silêncio", "{about} não informa nada desde {since}, há mais de {minutes} min de expediente."),
    },
    "dead_letters": {
        "en": ("Records are refused", "{count} records were refused in the last {minutes} min: angime dead list."),
        "ru": ("Записи не принимаются", "За последние {minutes} мин отклонено записей: {count}. См. angime dead list."),
        "kk": ("Жазбалар қабылданбайды", "Соңғы {minutes} минутта {count} жазба қабылданбады: angime dead list."),
        "pt": ("Registros recusados", "{count} registros foram recusados nos últimos {minutes} min: angime dead list."),
    },
}


def said(alert: Event, *, company: Company) -> tuple[str, str]:
    """Give title and text of an alert; times are the company's local ones."""
    fact: AlertRaised = alert.data
    language = company.alerts.language
    title, text = _TEXTS[fact.kind][language]
    since = moment(fact.since).astimezone(ZoneInfo(company.time_zone))
    is_today = since.date() == moment(alert.time).astimezone(ZoneInfo(company.time_zone)).date()
    share = "" if fact.share is None else format_percent(fact.share, locale=language)
    written = text.format(
        since=f"{since:%H:%M}" if is_today else f"{format_date(since, locale=language)} {since:%H:%M}",
        about=fact.about,
        count=fact.count,
        share=share,
        minutes=fact.minutes,
    )
    return f"{company.name}: {title}", written
