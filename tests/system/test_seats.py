"""64 clients race for the last seats of a few sessions through two daemons. After every wave, and by a watcher at any moment
between: never one seat too many, none free while somebody waits, and who waits stands in the order of the log."""
import threading

from harness.client import Closed, encode
from harness.load import dice
from harness.registry import day

CLIENTS = 64
WAVES = 12
SESSIONS = {"A": 30, "B": 7, "C": 1}
PARTIES = ("25LU", "25PJ", "27YU")


def lines_of(chance, own, wave, clerk):
    """What a clerk sends in one wave: a pipelined handful of lines about a few students, repeats among them."""
    made = []
    for _ in range(chance.randrange(1, 6)):
        session = chance.choice("AABC")
        student = f"{clerk}-{chance.randrange(4)}"
        again = own.get((session, student), 1)
        kind = chance.random()
        name = f"Naam, {student}" if chance.random() < 0.9 else f"Naam, {student} {wave}"
        fields = {"session": session, "student": student, "again": again if again > 1 else None}
        if kind < 0.6:
            line = encode("register", {**fields, "name": name, "born": 2008})
        elif kind < 0.85:
            line = encode("withdraw", fields)
        else:
            line = encode("move", {**fields, "to": chance.choice("ABC".replace(session, ""))})
        made += [line] * (2 if chance.random() < 0.3 else 1)
    return made


def remember_attempts(own, lines, replies):
    """The attempt to name next, as the answers tell it."""
    for line, reply in zip(lines, replies):
        words = dict(word.split(b"=", 1) for word in line.split()[1:] if b"=" in word)
        key = (words[b"session"].decode(), words[b"student"].decode())
        if reply.word == "NO ended":
            own[key] = int(reply["again"])


class Clerk(threading.Thread):
    def __init__(self, daemon, number, seed_source, barrier):
        super().__init__(daemon=True)
        self.client = daemon.connect(PARTIES[number % 3])
        self.number, self.barrier = number, barrier
        self.chance = seed_source
        self.own, self.words, self.faults = {}, [], []

    def run(self):
        try:
            for wave in range(WAVES):
                self.barrier.wait(60)
                lines = lines_of(self.chance, self.own, wave, self.number)
                replies = self.client.ask_many(lines)
                self.words += [(line, reply) for line, reply in zip(lines, replies)]
                remember_attempts(self.own, lines, replies)
                self.barrier.wait(60)
        except (Closed, OSError, AssertionError, ValueError, threading.BrokenBarrierError) as error:
            self.faults.append(repr(error))
            self.barrier.abort()


def check_queues(registry):
    """In each session who has a seat came before who waits (closes is far away: everybody who could be was promoted)."""
    wrong = registry.execute("""
        select session, max(entered) filter (where state = 'seated') as seated,
               min(entered) filter (where state = 'waiting') as waiting
        from registration group by session
        having max(entered) filter (where state = 'seated') > min(entered) filter (where state = 'waiting')""")
    assert wrong == []


def check_places(registry, clients):
    """What colleges are told of their places is the order of the log over all colleges."""
    for session in SESSIONS:
        told = {}
        for client in clients:
            for row in client.read_list("registrations", 7, session=session):
                if row.get("state") == "waiting":  # a host is told no state
                    told[int(row["place"])] = (row["institution"], row["student"], row["log"])
        queue = registry.execute("""select row_number() over (order by entered), college from registration
                                    where session = %s and state = 'waiting'""", session)
        assert {place: party for place, (party, _, _) in told.items()} == dict(queue)


def test_sixty_four_clients_race_for_the_last_seats(registry):
    chance = dice("seats")
    daemons = [registry.start(), registry.start()]
    with daemons[0].connect("DIB") as exams:
        for session, seats in SESSIONS.items():
            exams.must("schedule", session=session, exam="DIB-A2", date=day(100), seats=seats, place="Emmen", host="25LU")
    barrier = threading.Barrier(CLIENTS + 1)
    clerks = [Clerk(daemons[n % 2], n, type(chance)(chance.random()), barrier) for n in range(CLIENTS)]
    readers = [daemons[1].connect(party) for party in PARTIES]
    for clerk in clerks:
        clerk.start()
    try:
        for wave in range(WAVES):
            barrier.wait(60)  # they are off
            for _ in range(3):
                registry.check_sessions()  # one statement sees one moment
            barrier.wait(60)  # all are answered
            registry.check_sessions()
            check_queues(registry)
            if wave % 4 == 3:
                check_places(registry, readers)
                assert registry.reconcile() == []
    except threading.BrokenBarrierError:
        pass
    for clerk in clerks:
        clerk.join(60)
        clerk.client.close()
    for reader in readers:
        reader.close()
    assert [fault for clerk in clerks for fault in clerk.faults] == []
    registry.check_log()
    words = {}
    for clerk in clerks:
        for line, reply in clerk.words:
            word = f"{line.split()[0].decode()} {reply.word} {reply.get('state') or ''} " \
                   f"{'repeated' if reply.get('repeated') else ''}".strip()
            words[word] = words.get(word, 0) + 1
    for wanted in ("register OK seated", "register OK waiting", "register OK seated repeated", "withdraw OK withdrawn",
                   "withdraw OK withdrawn repeated", "register NO ended", "move NO full"):
        assert words.get(wanted, 0) > 0, f"never seen: {wanted}; {words}"
    assert set(word.split()[1] for word in words) <= {"OK", "NO"}
    check_outcomes(registry, clerks)


def check_outcomes(registry, clerks):
    """Each answer's number is its own in the log, and says there what the client was told."""
    audit = {log: (verb, outcome) for log, verb, outcome in registry.execute("select log, verb, outcome from audit")}
    seen = set()
    for clerk in clerks:
        for line, reply in clerk.words:
            log = int(reply["log"])
            assert log not in seen
            seen.add(log)
            told = "NO " + reply.code if not reply.ok else "OK repeated" if reply.get("repeated") else \
                "OK amended" if reply.get("amended") else "OK"
            assert audit[log] == (line.split()[0].decode(), told)
