"""Writes records of persons like the demo's, as many as wanted: for measuring linkage at size.

python3 persons.py PERSONS OUT writes OUT/persons.csv and, for nobody but measure.py, OUT/truth.csv with the person of
each record. The same number of persons gives the same bytes.

A person has a loyalty card, a web account, a form, calls: about 1.7 records, which differ as in the demo
(src/demo/person.rs): accents left out, slips of the keyboard, two e-mail addresses, a mistyped one, none, a new card
under a misspelt name, removals, telephones written in five ways, couples at one address under one surname, one
record in two without a date of birth. The demo's few names would make namesakes of everybody in a million persons, so
they are cut and put together anew: 20,000 surnames, 800 first names, 3,000 towns, as uneven as a country has them
(the most frequent surname .24%, first name 1.3%, town 0.9%).

Nothing is held in memory but the names: records go to a few hundred files by chance, each is shuffled, and all are
put together, so that neither their number nor their place tells who belongs together.
"""
import contextlib
import csv
import datetime
import io
import itertools
import pathlib
import random
import re
import sys
import tempfile
import unicodedata

COLUMNS = ["record", "first_name", "last_name", "birth_date", "email", "phone", "street", "postcode", "city"]
RECORDS_A_SHARD = 10_000
FIRST_BIRTH = datetime.date(1941, 1, 1)
DAYS = 67 * 365

persons, out = int(sys.argv[1]), pathlib.Path(sys.argv[2])
out.mkdir(parents=True, exist_ok=True)
chance = random.Random(20260101)
happens = lambda share: chance.random() < share
below = lambda n: int(chance.random() * n)


def listed(name, source=pathlib.Path(__file__).parents[2] / "src/demo/names.rs"):
    """A list of the demo's names: one row of texts each."""
    rust = source.read_text(encoding="utf-8")
    body = re.search(rf"const {name}: [^=]+= \[(.*?)\];", rust, re.S).group(1)
    return list(dict.fromkeys(re.findall(r'"([^"]+)"', body)))


def grown(names, count):
    """The names, then the beginning of one with the end of another."""
    all_names = dict.fromkeys(names)
    parts = [(name[:cut], name[cut:]) for name in names for cut in range(2, len(name) - 1)]
    while len(all_names) < count:
        (head, _), (_, tail) = parts[below(len(parts))], parts[below(len(parts))]
        if 4 <= len(head + tail) <= 14 and "  " not in head + tail:
            all_names.setdefault(head + tail)
    return list(all_names)[:count]


class Drawn:
    """The n-th is drawn in proportion to 1 / (n + flat) ** steep."""

    def __init__(self, values, flat, steep):
        self.values = values
        self.until = list(itertools.accumulate((n + flat) ** -steep for n in range(1, len(values) + 1)))

    def __call__(self):
        return chance.choices(self.values, cum_weights=self.until)[0]


def without_accents(text):
    text = text.replace("ø", "o").replace("Ø", "O")
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))


def letters(text):
    return "".join(c for c in without_accents(text).lower() if c.isascii() and c.isalnum())


def mistyped(text):
    if len(text) < 3:
        return text
    at, how = 1 + below(len(text) - 2), below(3)
    if how == 0 and text[at] != text[at + 1]:
        return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    return text[:at] + text[at + 1 :] if how == 1 else text[:at] + text[at] + text[at:]


def phone_as_written(number):
    digits = f"0{number}"
    pairs = [digits[n : n + 2] for n in range(0, 10, 2)]
    return [digits, " ".join(pairs), ".".join(pairs), f"+33{number}", f"0033 {number}"][below(5)]


def capitalised(mail):
    return mail[:1].upper() + mail[1:]


first_names = Drawn(grown(listed("WOMEN") + listed("MEN"), 800), 10, 0.8)
surnames = Drawn(grown(listed("SURNAMES"), 20_000), 30, 0.8)
hosts, kinds, streets = listed("MAIL_HOSTS"), ["rue", "rue", "rue", "avenue", "boulevard", "impasse", "place"], listed("STREETS")
# A large town has several postcodes.
town_names = grown([t for t in listed("TOWNS") if not t.isdigit()], 2_400)
towns = Drawn([(f"{1 + below(95):02}{10 * below(100):03}", town_names[n % 2_400]) for n in range(3_000)], 5, 0.7)


def home():
    suffix = " bis" if happens(0.06) else ""
    street = f"{1 + below(159)}{suffix} {kinds[below(7)]} {streets[below(len(streets))]}"
    return surnames(), (street, *towns())


def records(number, shared):
    """The records of one person, each without its number."""
    prospect, first = happens(0.12), first_names()
    last, address = shared or home()
    born = (FIRST_BIRTH + datetime.timedelta(below(DAYS))).strftime("%d/%m/%Y")
    phone = 600_000_000 + (number * 48_271 + 11) % 99_999_989
    use = chance.random()
    card = not prospect and use >= 0.14
    account = happens(0.6) if prospect else use < 0.66
    separation = below(5) if card and happens(0.12) else None
    shapes = [f"{letters(first)}.{letters(last)}", f"{letters(first)[:1]}{letters(last)}", f"{letters(last)}_{letters(first)}"]
    mail_number = (number * 69_621 + 5) % 99_999_989
    name, host = shapes[below(3)], hosts[below(len(hosts))]
    mail = f"{name}{mail_number}@{host}" if account or separation is not None or happens(0.8) else ""
    card_mail, web_mail = mail, mail
    if account and separation == 0:
        web_mail = f"{letters(first)}-{mail_number}.web@{hosts[below(len(hosts))]}"
    elif account and separation == 1:
        card_mail = f"{mistyped(name)}{mail_number}@{host.replace('.example', '.exemple')}"
    elif separation == 2:
        card_mail = ""
    plain = happens(0.25)
    web_first, web_last = (without_accents(first), without_accents(last)) if plain else (first, last)
    if separation is not None and happens(0.3):
        web_last = mistyped(web_last)
    web_phone = phone_as_written(phone) if separation is not None or happens(0.65) else ""
    moved = home()[1] if card and happens(0.05) else address
    if card:
        on_card = capitalised(card_mail) if happens(0.15) else card_mail
        has_phone = separation is not None or happens(0.75)
        yield first, last, born, on_card, phone_as_written(phone) if has_phone else "", *address
        if separation == 3:
            yield without_accents(first), mistyped(last), born, "", phone_as_written(phone), *moved
    if account:
        yield web_first, web_last, "", capitalised(web_mail) if happens(0.08) else web_mail, web_phone, *moved
    if not card and mail and (prospect or not account):
        yield first, last, "", mail, phone_as_written(phone) if happens(0.5) else "", "", address[1], ""
    if (card or account) and happens(0.15):
        called = happens(0.5)
        yield web_first, web_last, "", web_mail if called else "", "" if called else phone_as_written(phone), "", "", ""


with tempfile.TemporaryDirectory(dir=out) as folder, contextlib.ExitStack() as stack:
    shards = [
        stack.enter_context(open(f"{folder}/{n}", "w+", newline="", encoding="utf-8"))
        for n in range(max(1, persons * 2 // RECORDS_A_SHARD))
    ]
    writers = [csv.writer(shard) for shard in shards]
    for number in range(persons):
        # Two neighbouring numbers may live together.
        if number % 2 == 0:
            couple = home() if happens(0.12) else None
        for record in records(number, couple):
            writers[below(len(writers))].writerow([number, *record])
    with (
        open(out / "persons.csv", "w", newline="", encoding="utf-8") as data,
        open(out / "truth.csv", "w", newline="", encoding="utf-8") as truth,
    ):
        told, known = csv.writer(data), csv.writer(truth)
        told.writerow(COLUMNS)
        known.writerow(["record", "person"])
        count = 0
        for shard in shards:
            shard.seek(0)
            lines = shard.readlines()
            chance.shuffle(lines)
            for person, *record in csv.reader(io.StringIO("".join(lines))):
                told.writerow([count, *record])
                known.writerow([count, person])
                count += 1
print(f"{persons} persons, {count} records")
