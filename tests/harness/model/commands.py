"""The commands as PROTOCOL.md tells them: which there are, for whom, with which fields; and what is BAD whatever is stored."""
import collections
import datetime
import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
ROLES = ("roc", "exams", "nuffic", "ocw", "admin")
PERSONAL = {"student", "eckid", "person-name", "born", "needs", "reason", "irregularity"}
SHARED = {"write": {"tag": "tag", "check": "yesno", "seen": "log"}, "list": {"tag": "tag", "limit": "limit", "after": "after"}}

Command = collections.namedtuple("Command", "verb kind roles fields answer help")
Field = collections.namedtuple("Field", "name type key required")
Type = collections.namedtuple("Type", "size clears words help")


def rows_of(heading):
    """The cells of the tables printed under a heading of PROTOCOL.md."""
    with open(f"{ROOT}/proto/PROTOCOL.md", encoding="utf-8") as file:
        part = file.read().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    for line in part.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) > 1 and cells[0] not in ("request", "type", "answer", "---"):
            yield cells


def read_commands():
    found = {}
    for request, kind, roles, answer, text in rows_of("Commands"):
        verb, *words = request.replace("**", "").replace("\\", "").split()
        fields = {}
        for word in words:
            name, mark, kind_of = re.fullmatch(r"([a-z0-9-]+)(\*?\??)=(\S+)", word).groups()
            fields[name] = Field(name, kind_of, "*" in mark, "?" not in mark)
        found[verb] = Command(verb, kind, set(ROLES if roles == "all" else roles.split()), fields, answer.split(), text)
    return found


def read_types():
    return {name: Type(size, clears == "yes", size.split(", ") if not re.match(r"\d", size) else None, text)
            for name, size, clears, _, text in rows_of("Types")}


COMMANDS = read_commands()
TYPES = read_types()


def day(text):
    try:
        return bool(re.fullmatch(r"\d{4}-\d\d-\d\d", text)) and bool(datetime.date.fromisoformat(text))
    except ValueError:
        return False


FORMS = {
    "eckid": lambda text: bool(re.fullmatch(r"https://ketenid\.nl/\d{6}/[0-9a-f]{128}", text)),
    "windows": lambda text: bool(re.fullmatch(r"\d\d-\d\d/\d\d-\d\d(,\d\d-\d\d/\d\d-\d\d)*", text)),
    "date": day,
    "moment": lambda text: day(text) or bool(re.fullmatch(r"0|[1-9]\d*", text)),
    "yesno": lambda text: text in ("yes", "no"),
    "language": lambda text: bool(re.fullmatch(r"[a-z]{2}", text)),
    "country": lambda text: bool(re.fullmatch(r"[A-Z]{2}", text)),
    "tag": lambda text: bool(re.fullmatch(r"[A-Za-z0-9._-]{1,64}", text)),
    "word": lambda text: bool(re.fullmatch(r"[a-z][a-z0-9-]{0,31}", text)),
    "code": lambda text: bool(re.fullmatch(r"[A-Za-z0-9._/-]{1,64}", text)),
    "student": lambda text: bool(re.fullmatch(r"[A-Za-z0-9._/-]{1,64}", text)),
    "points": lambda text: bool(re.fullmatch(r"(0|[1-9]\d*)(\.\d{1,2})?", text)) and float(text) <= 10000,
    "fingerprint": lambda text: bool(re.fullmatch(r"[0-9a-f]{64}", text)),
    "sha256": lambda text: bool(re.fullmatch(r"[0-9a-f]{64}", text)),
    "oin": lambda text: bool(re.fullmatch(r"[0-9A-Z]{20}", text)),
    "born": lambda text: bool(re.fullmatch(r"\d{4}(-\d\d(-\d\d)?)?", text)),
}


def number(text, size):
    least, most = (int(end) for end in size.split("-"))
    return bool(re.fullmatch(r"0|[1-9]\d*", text)) and least <= int(text) <= most


def value_fits(kind, text):
    form = TYPES[kind]
    if kind == "topic":
        words = [] if text == "-" else text.split(",")
        return set(words) <= set(form.words) and len(set(words)) == len(words)
    if form.words:
        return text in form.words
    if kind in FORMS:
        return FORMS[kind](text)
    if kind in ("year", "count", "seats", "attempt", "log", "limit", "days", "months"):
        return number(text, form.size)
    return True


def faults_of(verb, pairs):
    """What is BAD about a verb and its (name, value) pairs: `code:field` each."""
    command = COMMANDS.get(verb)
    if not command:
        return ["verb"]
    known = {**{"tag": "tag"}, **SHARED.get(command.kind, {}), **{field.name: field.type for field in command.fields.values()}}
    names = [name for name, _ in pairs]
    faults = [f"twice:{name}" for name in set(names) if names.count(name) > 1]
    faults += [f"missing:{field.name}" for field in command.fields.values() if field.required and field.name not in names]
    for name, value in pairs:
        if name not in known:
            faults.append(f"field:{name}")
        elif value == "":
            faults.append(f"empty:{name}")
        elif value == "-" and known[name] not in ("tag", "topic"):
            field = command.fields.get(name)
            if not field or field.required or field.key or not TYPES[field.type].clears or command.kind != "write":
                faults.append(f"value:{name}")
        elif not value_fits(known[name], value):
            faults.append(f"value:{name}")
    return faults
