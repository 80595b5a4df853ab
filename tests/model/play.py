"""Plays lines on the registry and on the model, and compares every answer.

What is played is text, one line an act, so that what failed can be printed, cut down and played again; `seen=~7` in it is the
seventh number of the history:

    clock 2027-12-01          the registry's clock is set to that day
    25LU register session=... a party says a line; it is answered before another party's next act
    & 25LU register ...       said at the same time as the other lines with & around it, over connections of two daemons
    reconcile                 what the registry keeps as sums is right
    25LU begin ... 25LU ... 25LU commit      a block, sent at once; abandon may stand for commit
"""
import collections
import datetime
import re

from harness.client import ESCAPES, encode_value
from harness.model import Answer, commands
from model.steps import PARTIES

LINE = re.compile(r'[a-z][a-z0-9-]*( [a-z][a-z0-9-]*=("(?:[^"\\]|\\["\\nt])*"|[^ "\\=]*))*')
PAIR = re.compile(r' ([a-z][a-z0-9-]*)=("(?:[^"\\]|\\["\\nt])*"|[^ "\\]*)')


def line_of(verb, pairs):
    return " ".join([verb, *(f"{name}={encode_value(value) if value else ''}" for name, value in pairs)])


def parse(line):
    """The verb and the pairs of a line, in their order."""
    verb, pairs = line.split(" ")[0], []
    for name, value in PAIR.findall(line[len(verb):]):
        if value.startswith('"'):
            value = re.sub(r"\\(.)", lambda match: ESCAPES[match.group(1)], value[1:-1])
        pairs.append((name, value))
    return verb, pairs


def personal_hidden(text):
    """Fields as `audit` tells them, with `#` for the hash of what is personal."""
    return re.sub(r"\b(student|eckid|name|born|needs|reason|irregularity)=[0-9a-f]{64}\b", r"\1=#", text)


class Different(AssertionError):
    """The registry did not do as the model does."""


class Play:
    def __init__(self, stage, table):
        self.stage, self.table, self.script = stage, table, []
        self.model = stage.reset()
        self.plans = {}
        self.waiting = []  # (party, line, answer, number): what is about to be said

    # --- comparing

    def record(self, prefix, line):
        """Keeps a line of the script, its numbers of the log counted from the history's first."""
        def relative(found):
            number = int(found.group(2)) - self.model.base
            return f"{found.group(1)}~{number}" if number >= 0 else found.group(0)
        self.script.append(prefix + re.sub(r"( (?:seen|as-of|log|after)=)(\d+)(?= |$)", relative, line))

    def absolute(self, line):
        return re.sub(r"=~(\d+)", lambda found: f"={self.model.base + int(found.group(1))}", line)

    def differs(self, party, line, reply, answer):
        raise Different(f"{party} {line}\n  got\n{str(reply)[-3000:]}\n  wanted\n{str(answer)[-3000:]}")

    def note(self, verb, reply, way):
        """What was answered, for the table, and in which way it was asked."""
        self.stage.ways["rehearsed" if reply.get("check") else way] += 1
        outcome = reply.word if not reply.ok else next((w for w in ("repeated", "amended") if w in reply.fields), "OK")
        self.table[verb if verb in commands.COMMANDS and reply.word != "BAD syntax" else "(any)", outcome] += 1

    def check(self, party, line, reply, answer, log=None, apart=()):
        """`log`: the number that it must tell, None for none."""
        if not answer.fits(reply, ("tag", "log", "check", *apart)) or \
                (reply.get("log") != (str(log) if log is not None else None)):
            self.differs(party, line, reply, f"{answer} log={log}")

    def judged(self, party, line):
        """(verb, fields, what is answered before the rules)"""
        verb, pairs = parse(line)
        if not LINE.fullmatch(line):
            return verb, {}, Answer(["syntax"], status="BAD")
        return verb, dict(pairs), self.model.judge(PARTIES[party], verb, pairs)

    def expect(self, party, line):
        """Takes a line through the model: what must be answered, and the number that it must tell."""
        verb, fields, judged = self.judged(party, line)
        if judged:
            return judged, None
        if commands.COMMANDS[verb].kind != "write":
            fields.pop("limit", None)
            answer = self.model.ask(party, PARTIES[party], verb, fields, self.model.log)
            return answer, None if answer.faults or commands.COMMANDS[verb].kind == "builtin" else self.model.log
        if fields.get("check") == "yes":
            return self.model.rehearse(party, PARTIES[party], verb, fields, self.model.log + 1), None
        return self.model.ask(party, PARTIES[party], verb, fields, self.model.log + 1), self.model.log

    def compare(self, party, line, reply, answer, log, way="one by one"):
        verb, pairs = parse(line)
        self.note(verb, reply, way)
        if reply.ok and commands.COMMANDS[verb].kind == "builtin":
            self.compare_talk(party, verb, line, reply, answer)
            return
        if verb == "heads" and reply.ok:
            return  # that they are right is looked at in the end
        if verb in ("submissions", "inbox") and reply.ok:
            for row in reply.rows:
                del row["time"]
        if verb == "audit" and reply.ok:
            self.compare_audit(party, line, reply, answer)
        elif reply.ok and verb == "dossier":
            reply.rows[:] = [row for row in reply.rows if row["kind"] not in ("log", "notice")]
            reply.fields["rows"] = str(len(reply.rows))
        elif reply.ok and "limit" in dict(pairs):
            self.compare_page(party, line, reply, answer, int(dict(pairs)["limit"]))
            return
        elif reply.ok and dict(pairs).get("check") == "yes" and reply.get("check") != "yes":
            self.differs(party, line, reply, "check=yes")
        if verb != "audit" or not reply.ok:
            self.check(party, line, reply, answer, log)

    def compare_talk(self, party, verb, line, reply, answer):
        """What the daemon answers of itself; what it alone knows may be anything that can be."""
        own = {"ping": ("log", "time"), "watch": ("log",), "whoami": ("certificate", "cert-days")}.get(verb, ())
        if not answer.fits(reply, own) or any(name not in reply.fields for name in own) or \
                reply.get("certificate") not in (None, self.stage.world.identities[party].fingerprint) or \
                not self.newest <= int(reply.get("log") or self.newest) <= self.model.log:
            self.differs(party, line, reply, f"{answer}, with {own}, log {self.newest} to {self.model.log}")

    def compare_page(self, party, line, reply, answer, limit):
        """The first rows of a list: some of those that there are, and whether there are more."""
        whole = len(answer.rows) <= limit
        if int(reply["rows"]) != len(reply.rows) or len(reply.rows) != min(limit, len(answer.rows)) or \
                any(row not in answer.rows for row in reply.rows) or ("more" in reply.fields) == whole:
            self.differs(party, line, reply, answer)

    def compare_audit(self, party, line, reply, answer):
        told = []
        for row, wanted in zip(reply.rows, answer.rows):
            outcome = row["outcome"]
            told.append({**{name: row[name] for name in ("log", "party", "verb")}, "outcome": wanted["outcome"],
                         **({"fields": personal_hidden(row["fields"])} if "fields" in row else {})})
            if outcome not in wanted["outcome"]:
                self.differs(party, line, reply, answer)
        if told != answer.rows or len(reply.rows) != len(answer.rows):
            self.differs(party, line, [row for row in told if row not in answer.rows],
                         [row for row in answer.rows if row not in told])

    # --- acts

    def say(self, party, line):
        """Says a line as soon as another party or another kind of act comes, so that what one party says is pipelined. The model
        has done it already."""
        if self.waiting and self.waiting[0][0] != party or len(self.waiting) >= 100:
            self.settle()
        self.record(f"{party} ", line)
        self.waiting.append((party, line, *self.expect(party, line)))
        if line == "quit":
            self.settle()
            self.stage.ended(party)

    def settle(self):
        """Sends what waits to be said, and compares the answers."""
        said, self.waiting = self.waiting, []
        self.newest = self.model.base  # of what this connection was answered
        if said:
            replies = self.stage.client(said[0][0]).ask_many([f"{line}\n".encode() for _, line, _, _ in said])
            for (party, line, answer, log), reply in zip(said, replies):
                self.compare(party, line, reply, answer, log)
                self.newest = int(reply.get("log") or self.newest)

    def race(self, said):
        """(party, line) all at once, by the two daemons in turn; the log tells in which order they came."""
        self.settle()
        for party, line in said:
            self.record(f"& {party} ", line)
        clients = collections.defaultdict(list)
        for number, (party, line) in enumerate(said):
            clients[party, number % 2].append((party, line))
        for key, lines in clients.items():
            self.stage.client(*key).send("".join(f"{line}\n" for _, line in lines).encode())
        results = [(party, line, self.stage.client(*key).reply()) for key, lines in clients.items() for party, line in lines]
        for party, line, reply in sorted(results, key=lambda result: int(result[2].get("log") or 0)):
            self.compare(party, line, reply, *self.expect(party, line), "at the same time")

    def clock(self, day):
        self.settle()
        self.script.append(f"clock {day}")
        self.stage.set_day(day)
        self.model.today = datetime.date.fromisoformat(str(day))
        made = self.stage.chores(self.model.log)
        for log, party, verb, fields, outcome in made:
            self.model.chore(party, verb, fields, outcome, log)
        for notice in self.stage.reminders(log for log, _, verb, _, _ in made if verb == "remind"):
            self.model.tell(**notice)

    def reconcile(self):
        """What the registry keeps as sums is what its rows come to."""
        self.settle()
        self.script.append("reconcile")
        # (Between two histories days go back, which the registry's own ends of days do not like.)
        wrong = [row for row in self.stage.registry.reconcile() if not row[0].startswith("end of ")]
        if wrong:
            self.differs("registry", "reconcile()", wrong, [])

    def block(self, party, begin, lines, end="commit"):
        """A block, sent at once; its plan as `commit` told it."""
        self.settle()
        for line in (begin, *lines, end):
            self.record(f"{party} ", line)
        client = self.stage.client(party)
        client.send("".join(f"{line}\n" for line in (begin, *lines, end)).encode())
        begun, replies, commit = client.reply(), [client.reply() for _ in lines if end == "commit"], client.reply()
        _, fields, judged = self.judged(party, begin)
        self.check(party, begin, begun, judged or Answer())
        self.note("begin", begun, "one by one")
        if judged or end == "abandon":
            # All of a block that was not begun well has that answer, without the field; one that is forgotten has none.
            same = Answer([code for code, _ in judged.faults], status="BAD") if judged else Answer()
            for line, reply in zip((*lines, end) if judged else (end,), (*replies, commit)):
                self.check(party, line, reply, same)
            if not judged:
                self.note("abandon", commit, "one by one")
            return None
        log, before = self.model.log, self.model.snapshot()
        answers, ended, newest = self.model.block(party, PARTIES[party], fields, [(*parse(line), line) for line in lines], log)
        plan = commit.get("plan")
        if "repeated" not in ended.fields and not any(code == "taken" for code, _ in ended.faults):
            self.compare_plan(party, lines, replies, commit)
            if "plan" in fields and fields["plan"] != plan:
                self.model.restore(before)
                ended.faults, ended.status, newest = {("changed", "")}, "NO", log
        kept = ended.status == "OK" and fields.get("check") != "yes" and "repeated" not in ended.fields
        number = log
        for line, reply, answer in zip(lines, replies, answers):
            number += 1
            self.check(party, line, reply, answer, number if kept else None)
            if reply.ok and not kept and "repeated" not in ended.fields and reply.get("check") != "yes":
                self.differs(party, line, reply, "check=yes")
            if ("taken", "name") not in ended.faults:  # that is not the line's own
                self.note(parse(line)[0], reply, "in blocks")
        self.check(party, "commit", commit, ended, newest if kept or "repeated" in ended.fields else None, ("plan",))
        self.note("commit", commit, "in blocks")
        return plan

    def compare_plan(self, party, lines, replies, commit):
        """A plan is the same exactly for the same lines with the same outcomes."""
        apart = ("log", "check", "last", "repeated", "text")
        key = str((lines, [(r.word, sorted(item for item in r.fields.items() if item[0] not in apart)) for r in replies]))
        if self.plans.setdefault(commit.get("plan"), key) != key:
            self.differs(party, "commit", commit, f"another plan than that of {self.plans[commit.get('plan')]}")

    # --- a script again

    def perform(self, script):
        """Plays a script as it is printed."""
        script, at = [self.absolute(line) for line in script], 0
        while at < len(script):
            words = script[at].split(" ", 2)
            if words[0] in ("clock", "reconcile"):
                getattr(self, words[0])(*words[1:])
                at += 1
            elif words[0] == "&":
                end = at
                while end < len(script) and script[end].startswith("& "):
                    end += 1
                self.race([tuple(line.split(" ", 2)[1:]) for line in script[at:end]])
                at = end
            elif words[1] == "begin":
                end = script.index(f"{words[0]} commit", at)
                if f"{words[0]} abandon" in script[at:end]:
                    end = script.index(f"{words[0]} abandon", at)
                if any(not line.startswith(f"{words[0]} ") for line in script[at:end]):
                    raise ValueError("a block is one party's")
                self.block(words[0], script[at].split(" ", 1)[1], [line.split(" ", 1)[1] for line in script[at + 1:end]],
                           script[end].split(" ", 1)[1])
                at = end + 1
            else:
                self.say(words[0], script[at].split(" ", 1)[1])
                at += 1
        self.settle()
