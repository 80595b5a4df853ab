"""Clients that do as the protocol tells them when something goes wrong: wait where they hear BUSY, connect again where the
connection ends, and send again what was not answered. What they saw stays with them for the test to judge."""
import random
import ssl
import threading
import time

from harness.client import Client, Closed, encode


class Registrar(threading.Thread):
    """Registers students one after another, or `depth` at a time, until all are answered or `stop` is set.

    acknowledged   {student: the Reply that was OK}
    refused        [(student, reply)] of answers NO and BAD
    busy           {code: how many} of BUSY
    ends           {code of BYE, or "cut": how many}
    sent_twice     students that were sent again after an end without an answer
    faults         what must not happen: refused connections and the like, as text
    """

    def __init__(self, address, context, session, students, depth=1, again_seconds=60):
        super().__init__(daemon=True)
        self.address, self.context, self.session = address, context, session
        self.students, self.depth, self.again_seconds = list(students), depth, again_seconds
        self.acknowledged, self.refused, self.busy, self.ends = {}, [], {}, {}
        self.sent_twice, self.faults = set(), []
        self.stopping = threading.Event()
        self.seconds_busy = 0.02  # stands in for retry=, which is whole seconds

    def line(self, student):
        return encode("register", {"session": self.session, "student": student, "name": f"Naam, {student}", "born": "2008-03-14",
                                   "tag": student})

    def run(self):
        try:
            self.work()
        except Exception as error:  # a thread has nobody to raise to; the test looks at faults
            self.faults.append(f"{type(error).__name__}: {error}")

    def connect(self):
        """A connection, tried again while the database is away and, where the daemon itself may be, while nobody listens."""
        deadline = time.monotonic() + self.again_seconds
        while not self.stopping.is_set():
            try:
                return Client(self.address, self.context)
            except Closed as closed:
                self.note_end(closed.bye)
                if closed.bye not in ("database", "draining", None):
                    raise
                self.note_unready(closed)
            except (ConnectionError, ssl.SSLError, TimeoutError) as error:
                self.note_unready(error)
            if time.monotonic() > deadline:
                raise TimeoutError("no connection")
            self.stopping.wait(0.02)
        return None

    def note_unready(self, error):
        """A connection could not be had. A test that promises that it always can overrides this."""

    def note_end(self, bye):
        self.ends[bye or "cut"] = self.ends.get(bye or "cut", 0) + 1

    def work(self):
        client, flying = None, []
        todo = self.students[::-1]
        while (todo or flying) and not self.stopping.is_set():
            try:
                if client is None:
                    client = self.connect()
                    if client is None:
                        return
                fresh = [todo.pop() for _ in range(min(len(todo), self.depth - len(flying)))]
                flying += fresh
                if fresh:
                    client.send(b"".join(self.line(student) for student in fresh))
                reply = client.reply()
            except (Closed, TimeoutError, OSError) as end:
                self.note_end(getattr(end, "bye", None))
                if client:
                    client.close()
                client = None
                self.sent_twice.update(flying)
                todo += flying[::-1]
                flying = []
                continue
            student = flying.pop(0)
            if reply.get("tag") != student:
                raise ValueError(f"the answer to {student} is {reply}")
            if reply.ok:
                self.acknowledged[student] = reply
            elif reply.status == "BUSY":
                self.busy[reply.code] = self.busy.get(reply.code, 0) + 1
                if int(reply["retry"]) < 1:
                    raise ValueError(f"retry: {reply}")
                todo.append(student)
                if reply.code == "unknown":
                    self.sent_twice.add(student)
                self.stopping.wait(self.seconds_busy)
            else:
                self.refused.append((student, reply))
        if client:
            client.close()

    def stop(self):
        self.stopping.set()


class Patient(Registrar):
    """A Registrar for whom a connection that is refused or reset is a fault."""

    def note_unready(self, error):
        if not (isinstance(error, Closed) and error.bye == "draining"):
            self.faults.append(f"no connection: {type(error).__name__}: {error}")


def numbers(prefix, count):
    """Student numbers that nobody takes for a BSN."""
    return [f"{prefix}-{n:05}" for n in range(count)]


def dice(name):
    """A source of chance whose seed is printed, so that a run can be had again: pytest shows it when the test fails."""
    seed = random.randrange(1 << 32)
    print(f"{name}: seed {seed}")
    return random.Random(seed)


def check_acknowledged(registry, registrars):
    """Every acknowledged registration is there, once, under the number of its answer; nothing is there that nobody asked."""
    newest = registry.check_log()
    registry.check_sessions()
    fresh = {int(reply["log"]): student for registrar in registrars for student, reply in registrar.acknowledged.items()
             if "repeated" not in reply.fields}
    assert len(fresh) == sum("repeated" not in reply.fields for registrar in registrars
                             for reply in registrar.acknowledged.values()), "one number of the log for two writes"
    assert max(fresh, default=0) <= newest
    audit = dict(registry.execute("select log, outcome from audit where verb = 'register'"))
    assert all(audit.get(log) == "OK" for log in fresh), "an acknowledged write is not in the log"
    entered = {row[0] for row in registry.execute("select entered from registration")}
    assert entered >= set(fresh), "an acknowledged registration is not there"
    # What is there beyond the answers is what was done and whose answer was lost: it was sent again and heard `repeated`.
    repeated = {student for registrar in registrars for student, reply in registrar.acknowledged.items()
                if "repeated" in reply.fields}
    sent_twice = set().union(*(registrar.sent_twice for registrar in registrars)) if registrars else set()
    assert repeated <= sent_twice, "a repeat that nobody sent twice"
    return fresh, repeated
