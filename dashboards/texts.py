"""Words and numbers in the person's language: gettext catalogues and Babel's forms; nothing of Streamlit."""

import gettext
import io
import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime, format_interval, format_timedelta, get_day_names
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_currency, format_decimal, format_percent

from analytics.metrics.catalogue import LANGUAGES, Unit


def N_(text: str) -> str:  # noqa: N802  # gettext's own name for a text that is translated later
    """Mark a text for the catalogues."""
    return text


FOLDER = Path(__file__).with_name("locale")
NAMES = {"en": "English", "ru": "Русский", "kk": "Қазақша", "pt": "Português"}
# Where a language is written in more than one way: days before months, and the real.
REGIONS = {"en": "en_GB", "pt": "pt_BR"}
# What people write for a currency whose code the tables of their language leave as it is.
SIGNS = {"KZT": "₸", "RUB": "₽", "BRL": "R$"}
# What stands before and after a quoted word.
QUOTES = {"en": ("“", "”"), "ru": ("«", "»"), "kk": ("«", "»"), "pt": ("“", "”")}
SIZES = (N_("{n} B"), N_("{n} kB"), N_("{n} MB"), N_("{n} GB"), N_("{n} TB"))
EMPTY = "–"
MAX_SHOWN_CHARACTERS = 120
# From here on the small change of an amount is left out.
WHOLE_FROM = 10_000
DAYS_FROM_SECONDS = 2 * 86_400
A_MINUTE = timedelta(minutes=1)
# Who waits for 21 hours and who waits for 30 wait not alike, though both do for a day: two of a unit are told in it.
UNITS_FROM = 2

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&^=\"'@/])")
_CODE_BEFORE = re.compile(r"([A-Z]{3})(?=[0-9])")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
# All but those that keep a number and its unit on one line.
_SPACES = re.compile(r"[^\S\u00a0\u202f]+")


WORDS = {
    "answered": N_("answered"),
    "completed": N_("completed"),
    "voicemail": N_("voicemail"),
    "machine": N_("machine"),
    "missed": N_("missed"),
    "abandoned": N_("abandoned"),
    "rejected": N_("rejected"),
    "no_answer": N_("no answer"),
    "busy": N_("busy"),
    "cancelled": N_("cancelled"),
    "failed": N_("failed"),
    "not_permitted": N_("not permitted"),
    "in_progress": N_("in progress"),
    "incoming": N_("incoming"),
    "outgoing": N_("outgoing"),
    "internal": N_("internal"),
    "unknown": N_("unknown"),
    "phone": N_("Telephone"),
    "whatsapp": "WhatsApp",
    "waba": "WhatsApp Business",
    "messenger": "Messenger",
    "instagram": "Instagram",
    "telegram": "Telegram",
    "vk": N_("VK"),
    "viber": "Viber",
    "sms": "SMS",
    "email": N_("E-mail"),
    "web": N_("Web"),
    "other": N_("Other"),
    "computer": N_("computer"),
    "mobile": N_("phone"),
    "audio": N_("audio"),
    "video": N_("video"),
    "image": N_("picture"),
    "document": N_("document"),
    "sticker": N_("sticker"),
    "location": N_("location"),
    "contacts": N_("contact card"),
    "interactive": N_("message with choices"),
    "button": N_("pressed button"),
    "template": N_("template"),
    "order": N_("order"),
    "system": N_("system message"),
    "unsupported": N_("message of an unknown kind"),
    "operator": N_("Operator"),
    "customer": N_("Customer"),
    "company": N_("company"),
    "contact": N_("contact"),
    "human": N_("a person"),
    "ivr": N_("voice menu"),
    "received": N_("received"),
    "sent": N_("sent"),
    "delivered": N_("delivered"),
    "read": N_("read"),
    "called_back": N_("called back"),
    "called_again": N_("called again"),
    "messaged": N_("written to"),
    "open": N_("open"),
    "lost": N_("lost"),
    "call.offered": N_("offered"),
    "call.rang": N_("rang"),
    "call.accepted": N_("picked up"),
    "call.rejected": N_("declined"),
    "call.transferred": N_("transferred"),
    "call.ended": N_("ended"),
    "call.rated": N_("rated"),
    "call.tagged": N_("labelled"),
    "call.quality_measured": N_("sound quality measured"),
    "call.recording_made_available": N_("recording available"),
    "call.recording_stored": N_("recording stored"),
    "call.transcribed": N_("transcribed"),
}


class Texts:
    """Everything that is written in one language; call it with an English text to have it translated."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.locale = Locale.parse(REGIONS.get(language, language))
        self.quotes = QUOTES[language]
        self._catalogue = _catalogue(language)

    def __call__(self, text: str, **values: object) -> str:
        """Translate `text` and fill its places."""
        return self._catalogue.gettext(text).format(**values)

    def plural(self, one: str, many: str, n: int, **values: object) -> str:
        """Translate the form that fits `n`, which fills the place `{n}`."""
        return self._catalogue.ngettext(one, many, n).format(n=self.number(n), **values)

    def word(self, value: str | None) -> str:
        """Say a word of the domain (an outcome, a channel, a kind of fact); an unknown one is given as it is."""
        if not value:
            return EMPTY
        return self._catalogue.gettext(WORDS[value]) if value in WORDS else value

    def number(self, value: float | None, *, digits: int = 0) -> str:
        """Write a number with the language's separators."""
        if value is None:
            return EMPTY
        return format_decimal(round(value, digits), locale=self.locale, decimal_quantization=False)

    def figure(self, value: float | None, *, unit: Unit) -> str:
        """Write a metric's value with its unit."""
        if value is None:
            return EMPTY
        if unit == "share":
            return format_percent(round(value, 3), locale=self.locale, decimal_quantization=False)
        if unit == "seconds":
            return self.seconds(value)
        return self.number(value, digits=1 if unit.startswith("per_") else 0)

    def money(self, value: float | None, *, currency: str | None) -> str:
        """Write an amount with its currency, which may be unknown."""
        if value is None:
            return EMPTY
        if not currency:
            return self.number(value, digits=2)
        is_small = abs(value) < WHOLE_FROM
        pattern = self.locale.currency_formats["standard"].pattern.replace("" if is_small else ".00", "")
        return self._amount(value, currency=currency, pattern=pattern, has_own_digits=is_small)

    def price(self, value: float | None, *, currency: str | None) -> str:
        """Write a price of a minute or of a call: below one, with as many digits as it has up to four."""
        if value is None or not currency or abs(value) >= 1:
            return self.money(value, currency=currency)
        pattern = self.locale.currency_formats["standard"].pattern.replace(".00", ".00##")
        return self._amount(value, currency=currency, pattern=pattern, has_own_digits=False)

    def change_of_money(self, now: float, *, before: float, currency: str | None, is_price: bool) -> str:
        """Write how an amount changed; of a price with as many digits as the price beside it has."""
        write = self.price if is_price and abs(now) < 1 else self.money
        return ("-" if now < before else "+") + write(abs(now - before), currency=currency)

    def _amount(self, value: float, *, currency: str, pattern: str, has_own_digits: bool) -> str:
        """Write an amount with its currency's sign, with as many digits as the currency has or the pattern says."""
        told = format_currency(value, currency, format=pattern, locale=self.locale, currency_digits=has_own_digits)
        return _CODE_BEFORE.sub("\\1\u00a0", told.replace(currency, SIGNS.get(currency, currency)))

    def change(self, value: float, *, unit: Unit) -> str:
        """Write a difference of two values, its sign first (an ASCII minus, which the tile reads)."""
        sign = "-" if value < 0 else "+"
        if unit == "share":
            return sign + self("{n} points", n=self.number(abs(value) * 100, digits=1))
        if unit == "seconds":
            return sign + self.seconds(round(abs(value), 1))
        return sign + self.number(abs(value))

    def number_format(self) -> dict[str, str]:
        """Give the separators by which charts write numbers, and what they write after a percentage."""
        symbols = self.locale.number_symbols["latn"]
        return {
            "decimal": str(symbols.get("decimal", ".")),
            "thousands": str(symbols.get("group", ",")),
            "percent": self.locale.percent_formats[None].suffix[0],
        }

    def tongue(self, code: str | None) -> str:
        """Name a language by its code; an unknown one is given as it is."""
        return str(self.locale.languages[code]) if code in self.locale.languages else code or EMPTY

    def seconds(self, value: float | None) -> str:
        """Write a duration in its two largest units, so that no minutes are read as hours; from two days on in days."""
        if value is None:
            return EMPTY
        if value < 0:
            return f"-{self.seconds(-value)}"
        if value >= DAYS_FROM_SECONDS:
            return self("{n} d", n=self.number(value / 86_400, digits=1))
        minutes, seconds = divmod(round(value), 60)
        if not minutes:
            return self("{n} s", n=self.number(value, digits=1 if value < 20 else 0))
        if minutes < 60:
            told, rest = self("{n} min", n=minutes), self("{n} s", n=seconds) if seconds else ""
        else:
            hours, minutes = divmod(round(value / 60), 60)
            told, rest = self("{n} h", n=hours), self("{n} min", n=minutes) if minutes else ""
        return f"{told} {rest}".strip()

    def place(self, seconds: float) -> str:
        """Write a place in a recording as players do: minutes:seconds, from an hour on hours:minutes:seconds."""
        minutes, rest = divmod(int(seconds), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"

    def span(self, seconds: int) -> str:
        """Write a span that people chose, such as a bound: in whole hours or minutes where it has them."""
        if seconds and seconds % 3_600 == 0:
            return self("{n} h", n=self.number(seconds / 3_600))
        if seconds and seconds % 60 == 0:
            return self("{n} min", n=self.number(seconds / 60))
        return self("{n} s", n=self.number(seconds))

    def size(self, size_bytes: float) -> str:
        """Write a size with the unit that makes it short."""
        size, place = size_bytes, 0
        while size >= 1_000 and place < len(SIZES) - 1:
            size, place = size / 1_000, place + 1
        return self(SIZES[place], n=self.number(size, digits=1 if size < 10 and place else 0))

    def day(self, day: date) -> str:
        """Write a local date, short, with its weekday."""
        return format_date(day, "EEE d MMM", locale=self.locale)

    def days(self, first: date, last: date) -> str:
        """Write a span of local dates, both included."""
        return format_interval(first, last, "yMMMd", locale=self.locale)

    def moment(self, moment: datetime | None, *, zone: ZoneInfo, pattern: str = "EEE d MMM, HH:mm:ss") -> str:
        """Write an instant by the company's clock."""
        if moment is None:
            return EMPTY
        return format_datetime(moment.astimezone(zone), pattern, locale=self.locale)

    def ago(self, age: timedelta, *, is_short: bool = False) -> str:
        """Write how long ago something was, short in a cell; what is yet to come was told by a clock that is ahead."""
        if age <= -A_MINUTE:
            return self("clock ahead: {time}", time=format_timedelta(-age, granularity="minute", locale=self.locale))
        if age <= timedelta():
            return self("just now")
        return format_timedelta(
            -age,
            granularity="minute",
            threshold=UNITS_FROM,
            add_direction=True,
            format="short" if is_short else "long",
            locale=self.locale,
        )

    def weekdays(self) -> list[str]:
        """Give the short names of the weekdays, Monday first."""
        names = get_day_names("abbreviated", context="stand-alone", locale=self.locale)
        return [names[day] for day in range(7)]

    def hours(self, first: int, last: int) -> str:
        """Write a span of hours of the day, `last` included."""
        return f"{first:02d}:00–{last + 1:02d}:00"


@cache
def texts(language: str) -> Texts:
    """Give the texts of a language of LANGUAGES."""
    return Texts(language)


def choose(wanted: str, *, accepted: Iterable[str]) -> str:
    """Choose the language: the person's choice, else the first that the browser accepts and we speak, else English."""
    for tag in (wanted, *accepted):
        language = tag.split("-")[0].split("_")[0].lower()
        if language in LANGUAGES:
            return language
    return "en"


def plain(text: str | None, *, limit: int = MAX_SHOWN_CHARACTERS) -> str:
    """Make foreign text safe for Markdown: one line, its marks escaped, no control or direction characters."""
    if not text:
        return EMPTY
    return _MARKDOWN.sub(r"\\\1", clean(text, limit=limit))


def clean(text: str | None, *, limit: int = MAX_SHOWN_CHARACTERS) -> str:
    """Make foreign text fit for a cell: one line, cut at `limit`, no control or direction characters."""
    if not text:
        return ""
    line = _SPACES.sub(" ", _CONTROLS.sub("", text[: limit * 4])).strip()
    return line if len(line) <= limit else line[: limit - 1] + "…"


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    """Read a catalogue; English stands in the code itself."""
    if language == "en":
        return gettext.NullTranslations()
    with (FOLDER / f"{language}.po").open(encoding="utf-8") as file:
        read = read_po(file, locale=language)
    compiled = io.BytesIO()
    write_mo(compiled, read)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
