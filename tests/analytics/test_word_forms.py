"""A search finds a word in any of its forms: of each pair both are found by the other, and strangers stay apart."""

from collections.abc import Iterator

import pytest

from analytics.folding.scratch import Scratch, scratch
from analytics.search.word_forms import Stems

PAIRS = {
    "ru": """
        день/дня день/дней письмо/писем деньги/денег окно/окон девушка/девушек ребёнок/ребёнка звонок/звонка
        скидка/скидок подарок/подарком отец/отца человек/людей друг/друзей сын/сыновей имя/имени время/времени
        дочь/дочери сестра/сестёр число/чисел чашка/чашек платёж/платежа огонь/огня рынок/рынка заказать/закажу
        писать/пишу идти/шёл хотеть/хочу платить/плачу доставить/доставлю отправить/отправлено мочь/могли
        новый/новая год/лет
    """,
    "kk": """
        кітап/кітабы орын/орны халық/халқы тілек/тілегі жүрек/жүрегім мұрын/мұрны ауыз/аузы көмек/көмегіңіз
        есік/есігі мектеп/мектебі қонақ/қонағы қызмет/қызметі үй/үйге ат/атыңыз іс/істі ай/айлық алу/алдым
        беру/бердіңіз айту/айттым төлеу/төледік тапсырыс/тапсырысым жеткізу/жеткіземіз мекенжай/мекенжайы
        баға/бағасы дүкен/дүкенге адам/адамдар нөмір/нөмірі ақша/ақшаны
    """,
    "pt": """
        cartão/cartões papel/papéis animal/animais homem/homens pão/pães mês/meses fácil/fáceis útil/úteis
        azul/azuis lençol/lençóis alemão/alemães fazer/faço fazer/feito pagar/paguei ficar/fiquei
        começar/comecei dizer/disse ir/foi ser/foi ter/tenho poder/posso querer/quero ver/vi vir/veio pedir/peço
        bom/boa cartão/cartao endereço/enderecos entrega/entregas
    """,
}
STRANGERS = """
    день/деньги письмо/пить друг/дорогой окно/окончание цена/центр дом/дым звонок/звезда город/горе
    кітап/кіт орын/орыс үй/үйрену бала/балық ай/айна көмек/көмір тілек/тіл
    pão/pau homem/homenagem papel/papagaio ver/verão ir/irmão bom/bomba pagar/pagode
"""


@pytest.fixture(scope="module")
def warehouse() -> Iterator[Scratch]:
    made = scratch()
    yield made
    made.close()


@pytest.mark.parametrize("language", PAIRS)
def test_a_word_is_found_in_its_irregular_forms_too(warehouse: Scratch, language: str) -> None:
    pairs = PAIRS[language].split()

    assert (True, []) == (len(pairs) > 20, [pair for pair in pairs if not _meet(pair, reader=warehouse)])


def test_words_that_only_look_alike_stay_apart(warehouse: Scratch) -> None:
    assert [] == [pair for pair in STRANGERS.split() if _meet(pair, reader=warehouse)]


def test_a_word_that_was_met_is_not_asked_again(warehouse: Scratch) -> None:
    asked: list[object] = []

    class Counting:
        def sql(self, text: str, parameters: dict[str, object]) -> object:
            asked.append(parameters["words"])
            return warehouse.sql(text, parameters)

    stems = Stems()
    first = stems.of(["дня", "день"], reader=Counting())  # pyright: ignore[reportArgumentType]

    assert first == stems.of(["день", "дня"], reader=Counting())  # pyright: ignore[reportArgumentType]
    assert [["день", "дня"]] == asked


def test_of_a_text_only_words_are_looked_at_that_begin_as_a_stem_does_and_none_that_stands_under_it_is_missed(
    warehouse: Scratch,
) -> None:
    stems = Stems()
    pairs = [pair.split("/") for language in PAIRS.values() for pair in language.split()]
    known = stems.of({word for pair in pairs for word in pair}, reader=warehouse)
    missed = [
        (one, said)
        for pair in pairs
        for one, other in (pair, reversed(pair))
        for said in (other, other.capitalize(), other.upper())
        if stems.beginning_like(known[one], reader=warehouse).findall(f"x_{said}, x") != [said]
    ]
    every_letter = stems.beginning_like({"ётоут", "ação", "학교", "ածուխ", "7"}, reader=warehouse)

    assert missed == []
    assert every_letter.findall("Ещё Ёлка, а ação é Água: 학교 Ածուխ ծ 7a b_c") == [
        "Ещё",
        "Ёлка",
        "ação",
        "Água",
        "학교",
        "Ածուխ",
        "7a",
    ]


def _meet(pair: str, *, reader: Scratch) -> bool:
    one, other = pair.split("/")
    stems = Stems().of([one, other], reader=reader)
    return not set(stems[one]).isdisjoint(stems[other])
