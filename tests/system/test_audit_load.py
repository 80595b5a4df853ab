"""The log of three daemons under load of all roles, while daemons and backends are killed: gapless, its heads right by two
programs that share nothing, and each answer is the row of its number."""
import collections
import os
import random
import signal
import threading

from harness import heads
from harness.client import Client, Closed, decode_fields, encode
from harness.registry import day, until
from harness.tool import Tool

ROWS = 4000
SESSIONS = ("S1", "S2", "S3")


def write_lines(chance):
    """Who may say what: writes of each role that are taken, repeated, amended or refused as it falls out."""
    session, student = lambda: chance.choice(SESSIONS + ("NONE",)), lambda: f"a-{chance.randrange(120)}"
    one = lambda *values: chance.choice(values)  # noqa: E731
    register = lambda: ("register", dict(session=session(), student=student(), name=one("Naam", "Ander"), born=2008,  # noqa: E731
                                         again=one(None, None, 2), check=one(None, None, True)))
    college = [register, register, register,
               lambda: ("withdraw", dict(session=session(), student=student(), reason=one(None, "Weg,\n\"echt\""))),
               lambda: ("move", dict(session=session(), student=student(), to=session(), check=one(None, True))),
               lambda: ("offer", dict(elective=one("K0959", "K0000"), schoolyear=2026, students=chance.randrange(9))),
               lambda: ("retract", dict(elective="K0960", schoolyear=2026)),
               lambda: ("target", dict(year=2027, language="de", rung="seated", count=1)),  # not its role
               lambda: ("register", dict(session="S1")),                                   # BAD
               lambda: ("progress", dict())]
    exams = [lambda: ("schedule", dict(session=session(), exam=one("DIB-A2", "DIB-B1"), date=day(200 + chance.randrange(3)), seats=40,
                                       place="Emmen", host="25LU")),
             lambda: ("reseat", dict(session=session(), seats=chance.randrange(60), check=one(None, True))),
             lambda: ("cancel", dict(session="NONE", reason="x")),
             lambda: ("exam-part", dict(exam="DIB-A2", part=one("writing", "lezen"), max=100, **{"pass": chance.randrange(100)})),
             lambda: ("score", dict(session=session(), student=student(), college="25LU", part="writing", points=chance.randrange(100))),
             lambda: ("attend", dict(session=session(), student=student(), college="25PJ", part="writing", status="present"))]
    admin = [lambda: ("institution", dict(code="25LU", name=one("Alfa", "Beta"), kind="college", country="NL", province="groningen")),
             lambda: ("grant", dict(party="25LU", role="roc", fingerprint=f"{chance.randrange(16):064x}")),
             lambda: ("revoke", dict(fingerprint=f"{chance.randrange(16):064x}"))]
    nuffic = [lambda: ("elective", dict(code="K0960", title=one("A", "B"), language="de", receptive="B1", productive="A2")),
              lambda: ("offer", dict(elective="K0959", schoolyear=2026, institution="25PJ", correct=True, students=chance.randrange(9)))]
    ocw = [lambda: ("target", dict(year=2027, language="de", rung="seated", count=chance.randrange(4), seen=one(None, 1)))]
    return {"25LU": college, "25PJ": college, "27YU": college, "DIB": exams, "ADMIN": admin, "NUFFIC": nuffic, "OCW": ocw}


class Writer(threading.Thread):
    """Says lines, a few at a time and in blocks, over whatever breaks.

    answered   [(log, verb, outcome)] of answers to writes
    lost       Counter of verbs that may have been done without an answer
    others     Counter of answers that take no number, by their word
    """

    def __init__(self, registry, address, party, seed):
        super().__init__(daemon=True)
        self.address, self.context, self.party = address, registry.context(party), party
        self.chance = random.Random(seed)
        self.makers = write_lines(self.chance)[party]
        self.answered, self.lost, self.others, self.faults = [], collections.Counter(), collections.Counter(), []
        self.stopping = threading.Event()

    def run(self):
        while not self.stopping.is_set():
            try:
                with Client(self.address, self.context) as client:
                    while not self.stopping.is_set():
                        self.turn(client)
            except (Closed, TimeoutError, OSError):
                self.stopping.wait(0.02)
            except Exception as error:  # a thread has nobody to raise to
                self.faults.append(f"{type(error).__name__}: {error}")
                return

    def turn(self, client):
        lines = [self.chance.choice(self.makers)() for _ in range(self.chance.randrange(1, 9))]
        if self.chance.random() < 0.3:
            lines = [(verb, {**fields, "check": None}) for verb, fields in lines if verb != "progress"]
            lines = [("begin", {"check": self.chance.choice((None, None, True))}), *lines, ("commit", {})]
        waiting = collections.deque(lines)
        self.lost.update(verb for verb, _ in lines)
        client.send(b"".join(encode(verb, fields) for verb, fields in lines))
        while waiting:
            reply = client.reply()
            verb, fields = waiting.popleft()
            if not (reply.status == "BUSY" and reply.code == "unknown"):
                self.lost[verb] -= 1
            self.take(verb, reply)

    def take(self, verb, reply):
        if verb == "progress":
            return
        if reply.get("log"):
            assert "check" not in reply.fields, reply
            state = [word for word in ("repeated", "amended") if reply.get(word)]
            self.answered.append((int(reply["log"]), verb, " ".join([reply.word, *state])))
        else:
            self.others["rehearsed" if reply.get("check") and reply.code != "refused" else reply.word] += 1
            assert reply.get("check") or reply.status != "NO" or reply.code in ("role", "refused"), reply
            assert reply.get("check") or not reply.ok or verb == "begin", reply


def saved_log(tool, path):
    """Rows and heads of an export, taken apart by the harness alone."""
    tool.run("audit", "save", path, wanted=0)
    rows, known = [], {}
    with open(path, encoding="utf-8") as file:
        first = decode_fields(file.readline().rstrip("\n")[len("* audit 1"):])
        for line in file:
            fields = decode_fields(line.rstrip("\n")[1:])
            if "head" in fields:
                known[int(fields["log"])] = fields["head"]
            else:
                rows.append(fields)
    return first, rows, known


def test_every_answer_is_the_row_of_its_number(registry, tmp_path):
    seed = int(os.environ.get("BUURTAAL_SEED") or random.randrange(1 << 32))
    print(f"audit load: seed {seed}")
    chance = random.Random(seed)
    with registry.listener() as listener:
        daemons = [registry.start(listener) for _ in range(3)]
        with daemons[0].connect("DIB") as exams:
            for session in SESSIONS:
                exams.must("schedule", session=session, exam="DIB-A2", date=day(200), seats=40, place="Emmen", host="25LU")
        first = registry.execute("select log from log_head")[0][0]
        writers = [Writer(registry, listener.getsockname()[:2], party, seed + n)
                   for n, party in enumerate(("25LU", "25LU", "25PJ", "27YU", "DIB", "DIB", "ADMIN", "NUFFIC", "OCW"))]
        for writer in writers:
            writer.start()
        done = lambda: sum(len(writer.answered) for writer in writers)  # noqa: E731
        for n in range(1, 9):
            until("the load goes on", lambda goal=n * ROWS // 8: done() >= goal or any(writer.faults for writer in writers), 60)
            if n % 2:
                place = chance.randrange(3)
                daemons[place].stop(signal.SIGKILL)
                daemons[place] = registry.start(listener)
            else:
                registry.execute("""select pg_terminate_backend(pid) from pg_stat_activity
                                    where datname = current_database() and usename = 'buurtaald' and random() < 0.6""")
        for writer in writers:
            writer.stopping.set()
        for writer in writers:
            writer.join(60)
            assert not writer.is_alive() and writer.faults == []
        daemon = next(daemon for daemon in daemons if daemon.running())
        tool = Tool(registry, daemon.address, "ADMIN")
        begin, rows, known = saved_log(tool, f"{tmp_path}/log")
        tool.run("audit", "verify", f"{tmp_path}/log", wanted=0)

    # The chain, by the harness; then each answer.
    assert [int(row["log"]) for row in rows] == list(range(1, int(begin["log"]) + 1)), "the log has gaps"
    assert heads.compute([[row.get(name) for name in heads.FIELDS] for row in rows], known) == begin["head"]
    assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)
    registry.check_log()
    owed = {int(row["log"]): row for row in rows if int(row["log"]) > first and row["origin"] != "chores"}
    for writer in writers:
        for log, verb, outcome in writer.answered:
            row = owed.pop(log, None)
            assert row, f"{writer.party} was answered {outcome} for {verb} under {log}, where another's row or none stands"
            assert (row["party"], row["verb"], row["outcome"]) == (writer.party, verb, outcome), (log, row)
            assert row["certificate"] == registry.world.identities[writer.party].fingerprint
    lost = collections.Counter()
    for writer in writers:
        lost.update({(writer.party, verb): count for verb, count in writer.lost.items()})
    unanswered = collections.Counter((row["party"], row["verb"]) for row in owed.values())
    assert not unanswered - lost, f"rows that nobody can have caused: {unanswered - lost}"

    outcomes = {outcome for writer in writers for _, _, outcome in writer.answered}
    print(f"{len(rows)} rows under {len(known)} heads, {len(owed)} answers lost: {sorted(outcomes)}")
    others = sum((writer.others for writer in writers), collections.Counter())
    assert {"OK", "OK repeated", "OK amended", "NO not-found", "NO changed"} <= outcomes
    assert all(others[word] for word in ("rehearsed", "NO role", "BAD missing", "NO refused")), others
    assert len(known) < len(rows), "no call had several rows"
    # No second row for an answer, and none for what takes no number.
    assert all("check=" not in row["fields"] for row in rows)
