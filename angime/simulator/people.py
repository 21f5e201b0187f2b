"""Names, numbers and phrases of the simulated people; all invented, the numbers from blocks that look unassigned."""

import random
from typing import Literal

from angime.simulator.story import Contact

Pool = Literal["kz", "kk", "ru", "br"]

KAZAKH_FIRST = (
    *("Айгерім", "Дана", "Асель", "Жанар", "Мадина", "Гүлназ", "Сәуле", "Камила", "Ақмарал", "Динара"),
    *("Нұрлан", "Ерлан", "Данияр", "Айдос", "Бауыржан", "Қайрат", "Санжар", "Тимур", "Алмас", "Ержан"),
)
KAZAKH_LAST = (
    *("Ахметова", "Сейтқали", "Жұмабек", "Оспанова", "Нұрғали", "Сәрсенбай", "Қасымова", "Төлеген", "Әбдіров"),
    *("Бекова", "Исаев", "Мұратбек", "Смағұл", "Тұрсын", "Ермекова"),
)
RUSSIAN_FIRST = (
    *("Анна", "Елена", "Ольга", "Мария", "Наталья", "Ирина", "Светлана", "Юлия"),
    *("Сергей", "Андрей", "Дмитрий", "Алексей", "Игорь", "Павел", "Максим", "Виктор"),
)
RUSSIAN_LAST = (
    *("Соколова", "Морозова", "Волкова", "Лебедева", "Козлов", "Новиков", "Петров", "Орлов", "Зайцев", "Белов"),
    *("Громов", "Тихонова"),
)
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
    first, last = {
        "kk": (KAZAKH_FIRST, KAZAKH_LAST),
        "ru": (RUSSIAN_FIRST, RUSSIAN_LAST),
        "pt": (BRAZILIAN_FIRST, BRAZILIAN_LAST),
    }[language]
    return f"{chance.choice(first)} {chance.choice(last)}"
