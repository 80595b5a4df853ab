"""What parties are told of what others did with their rows, until they say that they have read it. What the calendar brings
is the registry's own doing (History.chore)."""
from harness.model.base import Answer, Record, no, wires


class Inbox:
    def __init__(self, *rest):
        super().__init__(*rest)
        self.notices = []  # Records, in the order in which they were told

    def tell(self, log, party, role, notice, attempt=None, **fields):
        self.notices.append(Record(log=log, party=party, role=role, notice=notice, attempt=attempt, fields=fields))

    def tell_attempt(self, log, notice, attempt, **fields):
        """Tells the college of a registration."""
        self.tell(log, attempt.college, "roc", notice, attempt, session=attempt.session, **fields)

    def tell_session(self, log, speaker, notice, name, **fields):
        """Tells whom a session concerns, but who did it: the colleges with registrations there that live, the host, the office."""
        session = self.sessions[name]
        concerned = {(attempt.college, "roc") for attempt in self.all(name) if attempt.live}
        concerned |= {(session.host, "roc"), (self.exams[session.exam].issuer, "exams")}
        for party, role in sorted(concerned):
            if not self.acts_for(speaker.party, party):
                self.tell(log, party, role, notice, session=name, **fields)

    def mine(self, speaker):
        return [notice for notice in self.notices
                if notice.role == speaker.role and self.acts_for(speaker.party, notice.party)]

    def ack(self, speaker, given, log):
        if given["upto"] >= log:
            return no("range:upto")
        mine = self.mine(speaker)
        if not any(notice.log <= given["upto"] for notice in mine):
            return Answer(repeated=True)
        if self.stale(given, mine[-1].log):
            return no("changed", last=mine[-1].log)
        self.changes()
        self.notices = [notice for notice in self.notices if notice not in mine or notice.log > given["upto"]]
        return Answer()

    def read_inbox(self, speaker, given):
        return [wires(log=one.log, notice=one.notice, party=one.party, student=one.attempt and one.attempt.number,
                      again=self.told_again(one.attempt and one.attempt.again), **one.fields) for one in self.mine(speaker)]
