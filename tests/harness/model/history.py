"""The log, and many lines as one."""
import datetime

from harness.client import encode_value
from harness.model import commands
from harness.model.base import Answer, Base, Record, no, wires

GROWING = ("audit", "history")  # lists that only grow: a rehearsal cuts them off again


class History:
    def __init__(self, *rest):
        super().__init__(*rest)
        self.audit = []        # rows, with `#` for a personal value
        self.history = []      # (number, what was counted since then)
        self.submissions = {}  # (party, name): Record

    def snapshot(self):
        growing = {name: vars(self).pop(name) for name in GROWING}
        state = Base.snapshot(self)
        vars(self).update(growing)
        return state, {name: len(lines) for name, lines in growing.items()}

    def restore(self, snapshot):
        growing = {name: vars(self)[name] for name in GROWING}
        Base.restore(self, snapshot[0])
        for name, lines in growing.items():
            del lines[snapshot[1][name]:]
            setattr(self, name, lines)

    # --- the log

    @staticmethod
    def audit_fields(verb, fields):
        """As `audit` tells them: in the order of the table of commands, then `seen`; what is personal as its hash."""
        command, words = commands.COMMANDS[verb], []
        for name in [*command.fields, "seen"]:
            value = fields.get(name)
            if value is not None:
                personal = name in command.fields and command.fields[name].type in commands.PERSONAL and value != "-"
                words.append(f"{name}={'#' if personal else encode_value(value)}")
        return " ".join(words)

    def note_write(self, party, verb, fields, answer, log):
        outcome = answer.outcomes if answer.faults else {" ".join(["OK", *(answer.outcomes - {"OK"})])}
        self.audit.append((log, party, verb, self.audit_fields(verb, fields) if verb != "commit" else fields, outcome))

    def chore(self, party, verb, fields, outcome, log):
        """The registry has done something of itself under that number."""
        self.log = log
        self.note_day(log)
        self.audit.append((log, party, verb, fields, {outcome}))
        if verb == "forget":  # what nobody has read for a year
            year = self.log_before(self.today - datetime.timedelta(days=365))
            self.notices = [notice for notice in self.notices if notice.log > year]

    # --- many lines as one

    def block(self, party, role, begin, lines, log):
        """`lines` are (verb, pairs, raw); numbers begin behind `log`. The answers of the lines, that of commit, and the newest
        number when it is done. The answer of commit is without `plan`."""
        name, rehearsal = begin.get("name"), begin.get("check") == "yes"
        raw = [line for _, _, line in lines]
        stored = self.submissions.get((party, name)) if name else None
        if stored and stored.lines != raw:
            return [no("taken") for _ in lines], no("taken:name"), log
        if stored:
            return ([Answer(repeated=True) for _ in lines],
                    Answer(accepted=stored.accepted, refused=0, repeated=True), stored.log)
        before, number, answers = self.snapshot(), log, []
        for verb, pairs, _ in lines:
            answers.append(self.block_line(party, role, verb, pairs, number + 1))
            number = self.log
        refused = sum(bool(answer.faults) for answer in answers)
        told = {"accepted": len(lines) - refused, "refused": refused}
        if refused or rehearsal:
            self.restore(before)
            return answers, Answer(["refused"], **told) if refused else Answer(**told), log
        number += 1
        self.log = number
        self.note_day(number)
        if name:
            self.submissions[party, name] = Record(lines=raw, sha256=begin.get("sha256"), accepted=len(lines), log=number)
        words = [f"{key}={begin[key]}" for key in ("name", "sha256") if key in begin] + [f"lines={len(lines)}"]
        commit = Answer(**told)
        self.note_write(party, "commit", " ".join(words), commit, number)
        return answers, commit, number

    def block_line(self, party, role, verb, pairs, number):
        command = commands.COMMANDS.get(verb)
        judged = self.judge(role, verb, pairs)
        inside = []
        if command and command.kind != "write":
            inside = ["in-block"]
        elif command and dict(pairs).get("check") == "yes":
            inside = ["in-block:check"]
        if judged and judged.status == "BAD":
            return Answer([*(":".join(fault) for fault in judged.faults), *inside], status="BAD")
        if inside:
            return Answer(inside, status="BAD")
        return judged or self.ask(party, role, verb, dict(pairs), number)

    def read_submissions(self, speaker, given):
        return [wires(name=name, sha256=one.sha256, accepted=one.accepted, log=one.log)
                for (party, name), one in self.submissions.items()
                if party == speaker.party and given.get("name", name) == name]

    def read_audit(self, speaker, given):
        return [{"log": str(log), "party": party, "verb": verb, **({"fields": fields} if fields else {}),
                 "outcome": sorted(outcome)}
                for log, party, verb, fields, outcome in self.audit if given.get("log", str(log)) == str(log)]

    def read_heads(self, speaker, given):
        return []  # heads.py computes them
