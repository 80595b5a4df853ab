"""Students who are nobody: names drawn from lists, dates and numbers from dice. The same seed gives the same, always and
everywhere."""
import random
import unicodedata

# A prefix as EduArte keeps it, apart from the name, some with the blank behind it that users type.
SURNAMES = [
    ("van der", "Graaf"), ("de", "Vries"), ("van den", "Broek"), ("", "Jansen"), ("", "Bakker"), ("ter ", "Horst"), ("te", "Velde"),
    ("Aan de ", "Stegge"), ("", "Hoekstra"), ("", "Wiersma"), ("'t", "Hart"), ("", "d'Ancona"), ("ten", "Berge-van der Meulen"),
    ("van", "Rijn"), ("", "Dijkstra"), ("", "Nijhuis"), ("", "Oude Elferink"), ("", "Müller"), ("", "Schröder"), ("", "Weiß"),
    ("", "Großmann"), ("von", "Hövel"), ("", "Jäger"), ("", "Yılmaz"), ("", "Öztürk"), ("", "Şahin"), ("", "Çelik"), ("", "Güneş"),
    ("el", "Amrani"), ("", "Bouzidi"), ("", "Aït Taleb"), ("", "Kowalczyk"), ("", "Wiśniewska"), ("", "Żak"), ("", "Ramdin"),
    ("", "Biharie"), ("", "Pinas"), ("", "Martina"), ("", "Nguyễn"), ("", "Petrović"), ("", "Dvořák"), ("", "Ångström"), ("da", "Silva"),
    ("", "Haile"), ("", "Al-Khatib"), ("de la", "Fuente"), ("", "IJzerman"), ("", "Zuidema"), ("op den", "Kelder"), ("", "Ó Briain"),
]
FIRST = [
    "Jacobus", "Femke", "Sander", "Noor", "Daan", "Lieke", "Thijs", "Sanne", "Bram", "Maud", "Geert", "Hiltje", "Wietse", "Roos",
    "Jürgen", "Käthe", "Björn", "Änne", "Günther", "Zoë", "Loïs", "Daniël", "Noëlle", "André", "Chloé", "Emre", "Ayşe", "Çağla",
    "İbrahim", "Gülşen", "Yasmina", "Mohamed", "Naïma", "Soufiane", "Łukasz", "Zofia", "Małgorzata", "Shanice", "Quincy", "Ravi",
    "Anjali", "Thảo", "Miloš", "Jiří", "Inês", "Selam", "Layla", "Iñigo", "Siobhán", "Maximilian",
]
COURSES = ["25168 Gastheer/-vrouw", "25655 Logistiek supervisor", "25491 Verzorgende-IG", "25353 Adviseur verkoop",
           "25148 Secretarieel"]
NEEDS = [""] * 8 + ["25% extra tijd", "vergroot lettertype A3", "aparte ruimte, dyslexieverklaring aanwezig"]


class Dice:
    """Draws by random() alone, the one method whose sequence Python promises to keep."""

    def __init__(self, seed):
        self.source = random.Random(seed)

    def below(self, end):
        return int(self.source.random() * end)

    def of(self, choices):
        return choices[self.below(len(choices))]


class Student:
    """`born` is (day, month, year), 0 for what is not known; `needs` and `eckid` may be empty."""

    def __init__(self, number, prefix, surname, names, born, course, eckid="", needs=""):
        self.number, self.prefix, self.surname, self.names, self.born = number, prefix, surname, names, born
        self.course, self.eckid, self.needs = course, eckid, needs

    @property
    def called(self):
        return self.names.split()[0]


def writable(text, encoding):
    try:
        unicodedata.normalize("NFC", text).encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def make_eckid(dice):
    return "https://ketenid.nl/201809/" + "".join(dice.of("0123456789abcdef") for _ in range(128))


def make_student(dice, number, encoding="utf-8", partly_born=True, first_born=2006):
    """One whose name can be written in an encoding, born in one of five years; of some the day, or the month too, is not known
    (`partly_born`)."""
    prefix, surname = dice.of([pair for pair in SURNAMES if writable(pair[1], encoding)])
    firsts = [name for name in FIRST if writable(name, encoding)]
    names = dice.of(firsts) if dice.below(3) else f"{dice.of(firsts)} {dice.of(firsts)}"
    born = (1 + dice.below(28), 1 + dice.below(12), first_born + dice.below(5))
    known = dice.below(50)
    if partly_born and known < 2:
        born = (0, born[1] if known else 0, born[2])
    return Student(number, prefix, surname, names, born, dice.of(COURSES), make_eckid(dice) if dice.below(8) == 0 else "",
                   dice.of(NEEDS))
