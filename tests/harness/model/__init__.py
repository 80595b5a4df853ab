"""The registry a second time, for tests to compare the real one with; base.py tells how its rules are written.

`Model.ask(party, role, verb, fields, log)` gives an Answer and changes the model when it is OK: `log` is the number that a
write takes, or the newest one for a read. Where several faults apply, which is told is open, so a refusal is a set. A family
of commands is a file; a command is a method of its name (`_` for `-`), a read is one with `read_` before it.
"""
import collections

from harness.model import commands
from harness.model.base import Answer, Base, Foreseen, Record, looks_like_bsn, no, typed
from harness.model.conversation import Conversation
from harness.model.figures import Figures
from harness.model.history import History
from harness.model.inbox import Inbox
from harness.model.offers import Offers
from harness.model.parties import Parties
from harness.model.personal import Personal
from harness.model.registrations import Attempt, Registrations
from harness.model.results import Results
from harness.model.sessions import Session, Sessions

__all__ = ["Answer", "Attempt", "Model", "Record", "Session", "looks_like_bsn"]

Speaker = collections.namedtuple("Speaker", "party role")


class Model(Conversation, History, Inbox, Personal, Figures, Results, Registrations, Sessions, Offers, Parties, Base):
    def judge(self, role, verb, pairs):
        """What is answered before any rule is looked at; None where the rules decide."""
        faults = commands.faults_of(verb, pairs) or (["no-block"] if verb in ("commit", "abandon") else [])
        if faults:
            return Answer(faults, status="BAD")
        return no("role") if role not in commands.COMMANDS[verb].roles else None

    def ask(self, party, role, verb, fields, log):
        speaker, given = Speaker(party, role), typed(fields)
        kind = commands.COMMANDS[verb].kind
        if kind == "write":
            answer = getattr(self, verb.replace("-", "_"))(speaker, given, log)
            self.log = log
            self.note_day(log)
            if not answer.faults and "repeated" not in answer.fields:
                self.note_figures(log)
            self.note_write(party, verb, fields, answer, log)
            return answer
        if given.get("after") == "nonsense":
            return no("range:after")  # no token that the registry gave
        rows = getattr(self, f"read_{verb.replace('-', '_')}")(speaker, given)
        return rows if isinstance(rows, Answer) else Answer(rows=rows, **({"rows_": len(rows)}))

    def foresee(self, party, role, verb, fields, log):
        """What a line would come to, as words, without doing it."""
        self.foreseeing = True
        try:
            return getattr(self, verb.replace("-", "_"))(Speaker(party, role), typed(fields), log).outcomes
        except Foreseen as foreseen:
            return {str(foreseen)}
        finally:
            self.foreseeing = False

    def rehearse(self, party, role, verb, fields, log):
        before = self.snapshot()
        answer = self.ask(party, role, verb, fields, log)
        self.restore(before)
        return answer

    def cells(self, year, rung, own=None):
        """{(institution, exam, month): persons} of a year on a rung, in all languages; `own`: among the registrations of that
        college alone."""
        found = {}
        for (scope, when, _, step), cells in self.counted().items():
            if (scope, when, step) == (own, year, rung):
                for (college, _, _, exam, month), count in cells.items():
                    found[college, exam, month] = found.get((college, exam, month), 0) + count
        return found
