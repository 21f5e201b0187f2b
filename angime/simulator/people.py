"""Names, numbers and phrases of the simulated people; all invented, the numbers from blocks that look unassigned."""

import random
from typing import Literal

from angime.simulator.story import Contact

Pool = Literal["kz", "kk", "ru", "br"]

KAZAKH_WOMEN = ("Айгерім", "Дана", "Асель", "Жанар", "Мадина", "Гүлназ", "Сәуле", "Камила", "Ақмарал", "Динара")
KAZAKH_MEN = ("Нұрлан", "Ерлан", "Данияр", "Айдос", "Бауыржан", "Қайрат", "Санжар", "Тимур", "Алмас", "Ержан")
RUSSIAN_WOMEN = ("Анна", "Елена", "Ольга", "Мария", "Наталья", "Ирина", "Светлана", "Юлия")
RUSSIAN_MEN = ("Сергей", "Андрей", "Дмитрий", "Алексей", "Игорь", "Павел", "Максим", "Виктор")
WOMEN = frozenset((*KAZAKH_WOMEN, *RUSSIAN_WOMEN))
# Surnames as men bear them; those with these endings have a form of their own for women.
KAZAKH_LAST = (
    *("Ахметов", "Сейтқали", "Жұмабек", "Оспанов", "Нұрғали", "Сәрсенбай", "Қасымов", "Төлеген", "Әбдіров"),
    *("Беков", "Исаев", "Мұратбек", "Смағұл", "Тұрсын", "Ермеков"),
)
RUSSIAN_LAST = (
    *("Соколов", "Морозов", "Волков", "Лебедев", "Козлов", "Новиков", "Петров", "Орлов", "Зайцев", "Белов"),
    *("Громов", "Тихонов"),
)
OF_A_MAN = ("ов", "ев")
BRAZILIAN_FIRST = ("João", "Maria", "Ana", "Pedro", "Lucas", "Beatriz", "Larissa", "Rafael", "Camila", "Thiago")
BRAZILIAN_LAST = ("Silva", "Santos", "Oliveira", "Souza", "Lima", "Pereira", "Costa", "Almeida", "Ribeiro", "Gomes")

_NUMBERS: dict[Pool, tuple[str, ...]] = {
    "kz": ("+7700000", "+7705000", "+7747000", "+7777000"),
    "kk": ("+7702000", "+7708000"),
    "ru": ("+7900000", "+7916000"),
    "br": ("+551190000", "+552190000"),
}
_COUNTRY: dict[Pool, str] = {"kz": "KZ", "kk": "KZ", "ru": "RU", "br": "BR"}
_SHARE_WITHOUT_NUMBER = 0.04

ASKED: dict[str, tuple[str, ...]] = {
    "ru": (
        "Здравствуйте! Есть ли диван в наличии?",
        "Подскажите, когда будет доставка?",
        "Сколько стоит рассрочка на 12 месяцев?",
        "Не могу до вас дозвониться",
        "Можно поменять адрес доставки?",
        "Пришлите, пожалуйста, счёт",
        "Добрый день, заказ 48120 ещё не пришёл",
    ),
    "kk": (
        "Сәлеметсіз бе! Тапсырысым қашан келеді?",
        "Бағасы қанша?",
        "Мекенжайды өзгертуге бола ма?",
        "Сізге қоңырау шала алмай жатырмын",
        "Бөліп төлеу бар ма?",
        "Шотты жіберіңізші",
    ),
    "pt": (
        "Bom dia! Vocês entregam em São Paulo?",
        "Qual é o prazo de entrega?",
        "Não consigo falar com vocês por telefone",
        "Quanto fica o frete?",
        "Pode me mandar a nota fiscal?",
    ),
}
THANKED: dict[str, tuple[str, ...]] = {
    "ru": ("Спасибо!", "Хорошо, жду", "👍", "Договорились"),
    "kk": ("Рақмет!", "Жарайды", "👍", "Күтемін"),
    "pt": ("Obrigado!", "Combinado", "👍", "Fico no aguardo"),
}
MAY_WE_CALL: dict[str, str] = {
    "ru": "Можно вам позвонить?",
    "kk": "Сізге қоңырау шалсақ бола ма?",
    "pt": "Podemos ligar para você?",
}
CAPTIONS: dict[str, str] = {"ru": "Фото товара", "kk": "Тауардың суреті", "pt": "Foto do produto"}


def contacts(chance: random.Random, *, pool: Pool, count: int) -> tuple[Contact, ...]:
    """Invent `count` people of a pool, each with a number of his or her own."""
    suffixes = chance.sample(range(10_000 * len(_NUMBERS[pool])), count)
    return tuple(_contact(chance, pool=pool, suffix=suffix) for suffix in suffixes)


def _contact(chance: random.Random, *, pool: Pool, suffix: int) -> Contact:
    block, last_digits = divmod(suffix, 10_000)
    country = _COUNTRY[pool]
    language = {"kk": "kk", "br": "pt"}.get(pool) or ("kk" if pool == "kz" and chance.random() < 0.4 else "ru")
    return Contact(
        number=f"{_NUMBERS[pool][block]}{last_digits:04d}",
        name=_name(chance, language=language),
        language=language,
        country=country,
        user_id=f"{country}.{chance.randrange(10**14, 10**15)}",
        hides_number=pool == "kk" and chance.random() < _SHARE_WITHOUT_NUMBER,
    )


def _name(chance: random.Random, *, language: str) -> str:
    firsts, lasts = {
        "kk": ((*KAZAKH_WOMEN, *KAZAKH_MEN), KAZAKH_LAST),
        "ru": ((*RUSSIAN_WOMEN, *RUSSIAN_MEN), RUSSIAN_LAST),
        "pt": (BRAZILIAN_FIRST, BRAZILIAN_LAST),
    }[language]
    first, last = chance.choice(firsts), chance.choice(lasts)
    is_hers = first in WOMEN and last.endswith(OF_A_MAN)
    return f"{first} {last}а" if is_hers else f"{first} {last}"
