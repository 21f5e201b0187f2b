"""Forms of frequent words that no stemmer brings together, as people say them on the phone: for the search only."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

# A word, and its forms that have another stem.
_FORMS: Final = """
день: дня дню днём днем дне дни дней дням днями днях
письмо: писем
деньги: денег
окно: окон
отец: отца отцу отцом отце отцы отцов
человек: люди людей людям людьми людях
друг: друзья друзей друзьям друзьями друзьях
сын: сыновья сыновей сыновьям сыновьями
имя: имени именем имена имён имен именам
время: времени временем времена времён времен
мать: матери матерью матерей матерям
дочь: дочери дочерью дочерей дочерям
любовь: любви любовью
огонь: огня огню огнём огнем огне огни огней
угол: угла углу углом угле углы углов
ребёнок: дети детей детям детьми детях
ребенок: дети детей детям детьми детях
год: лет
хороший: лучше лучший лучшая лучшее лучшие
идти: иду идёт идет идём идем идут шёл шел шла шли пойду пойдёт пойдет пошёл пошел пошла пошли
прийти: приду придёт придет придут пришёл пришел пришла пришли пришло
ехать: еду едет едем едут поеду поедет приеду приедет приедут
хотеть: хочу хочешь хочет хотим хотите хотят хотел хотела хотели
мочь: могу можешь может можем можете могут мог могла могли смогу сможет сможем сможете смогут
писать: пишу пишет пишем пишете пишут пиши пишите
взять: возьму возьмёт возьмет возьмём возьмем возьмут взял взяла взяли
ждать: жду ждёт ждет ждём ждем ждёте ждете ждут
дать: дам даст дадим дадите дадут дай дайте дал дала дали
искать: ищу ищет ищем ищете ищут
брать: беру берёт берет берём берем берёте берете берут
үй: үйге үйді үйде үйден үйдің үйі үйім үйіміз үйлер үйлері
ай: айда айдан айға айды айы айлар айлық
ат: аты атым атыңыз атына атын
іс: іске істі істе істің ісі ісім істер
ой: ойды ойым ойыңыз ойы ойлар
алу: алдым алдың алдыңыз алды алдық алады аламын алайын алам алған алып
беру: бердім бердіңіз берді бердік береді беремін берейін берем берген беріп беріңіз
бару: бардым бардыңыз барды бардық барады барамын барайын барам барған барып барыңыз
келу: келдім келдіңіз келді келдік келеді келемін келейін келем келген келіп келіңіз
айту: айттым айттыңыз айтты айттық айтады айтамын айтайын айтам айтқан айтып айтыңыз
жазу: жаздым жаздыңыз жазды жаздық жазады жазамын жазайын жазған жазып жазыңыз
сату: саттым сатты саттық сатады сатамын сатқан сатып
төлеу: төледім төледіңіз төледі төледік төлейді төлеймін төлейін төлеген төлеп төлеңіз
azul: azuis
bom: boa boas bons melhor melhores
mau: má más maus pior piores
fazer: faço faz fazem fiz fez fizemos fizeram feito feita farei fará façam faça
dizer: digo diz dizem disse dissemos disseram dito dita direi dirá diga
ir: vou vai vamos vão fui foi fomos foram irei irá vá indo
ser: sou é somos são era eram fui foi foram será seja
ter: tenho tem têm temos tive teve tiveram tinha tinham terá tenha
poder: posso pode podem pude pôde puderam poderia possa
querer: quero quer querem quis quiseram queria queira
ver: vejo vê veem vi viu vimos viram visto vista veja
vir: venho vem vêm vim veio vieram vindo venha
dar: dou dá dão dei deu deram dado dê
saber: sei sabe sabem soube souberam saiba
trazer: trago traz trazem trouxe trouxeram traga
pôr: ponho põe põem pus pôs puseram posto ponha
pedir: peço pede pedem pedi pediu peça
ouvir: ouço ouve ouvem ouvi ouviu ouça
perder: perco perde perdem perdi perdeu perca
"""


def _words_of_forms() -> Mapping[str, Sequence[str]]:
    """Give the words that a form may be one of."""
    words: defaultdict[str, list[str]] = defaultdict(list)
    for line in _FORMS.strip().splitlines():
        word, _, forms = line.partition(": ")
        for form in forms.split():
            words[form].append(word)
    return {form: tuple(listed) for form, listed in words.items()}


WORDS_OF: Final = _words_of_forms()
