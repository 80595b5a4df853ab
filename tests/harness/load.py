"""Clients that do as the protocol tells them when something goes wrong: wait where they hear BUSY, connect again where the
connection ends, and send again what was not answered. What they saw stays with them for the test to judge."""
import os
import random
import ssl
import threading
import time

from harness.client import Client, Closed, encode


class Registrar(threading.Thread):
    """Registers students one after another, or `depth` at a time, until all are answered or `stop` is called. Every
    `leave`th of them (0: none) it takes off again once the registration is acknowledged.

    acknowledged   {student: the Reply to its register that was OK}
    left           {student: the Reply to its withdraw that was OK}
    refused        [(student, reply)] of answers NO and BAD
    busy           {code: how many} of BUSY
    ends           {code of BYE, or "cut": how many}
    sent_twice     (verb, student) of what was sent again after an end without an answer
    faults         what must not happen: refused connections and the like, as text
    """

    def __init__(self, address, context, session, students, depth=1, leave=0, again_seconds=60):
        super().__init__(daemon=True)
        self.address, self.context, self.session = address, context, session
        self.students, self.depth, self.leave, self.again_seconds = list(students), depth, leave, again_seconds
        self.acknowledged, self.left, self.refused, self.busy, self.ends = {}, {}, [], {}, {}
        self.sent_twice, self.faults = set(), []
        self.stopping = threading.Event()
        self.seconds_busy = 0.02  # stands in for retry=, which is whole seconds

    def line(self, verb, student):
        fields = {"session": self.session, "student": student, "tag": f"{verb}.{student}"}
        if verb == "register":
            fields.update(name=f"Naam, {student}", born="2008-03-14")
        return encode(verb, fields)

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
        todo = [("register", student) for student in reversed(self.students)]
        while (todo or flying) and not self.stopping.is_set():
            try:
                if client is None:
                    client = self.connect()
                    if client is None:
                        return
                fresh = [todo.pop() for _ in range(min(len(todo), self.depth - len(flying)))]
                flying += fresh
                if fresh:
                    client.send(b"".join(self.line(*job) for job in fresh))
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
            self.take(reply, flying.pop(0), todo)
        if client:
            client.close()

    def take(self, reply, job, todo):
        """An answer to `job`; what there is to do because of it goes on top of `todo`."""
        verb, student = job
        if reply.get("tag") != f"{verb}.{student}":
            raise ValueError(f"the answer to {job} is {reply}")
        if reply.ok and verb == "register":
            self.acknowledged[student] = reply
            if self.leave and len(self.acknowledged) % self.leave == 0:
                todo.append(("withdraw", student))
        elif reply.ok:
            self.left[student] = reply
        elif reply.status == "BUSY":
            self.busy[reply.code] = self.busy.get(reply.code, 0) + 1
            if int(reply["retry"]) < 1:
                raise ValueError(f"retry: {reply}")
            todo.append(job)
            if reply.code == "unknown":
                self.sent_twice.add(job)
            self.stopping.wait(self.seconds_busy)
        else:
            self.refused.append((student, reply))

    def stop(self):
        self.stopping.set()


class Patient(Registrar):
    """A Registrar for whom a connection that is refused or reset is a fault."""

    def note_unready(self, error):
        if not (isinstance(error, Closed) and error.bye == "draining"):
            self.faults.append(f"no connection: {type(error).__name__}: {error}")


def send_block(client, lines, **begin):
    """Sends a whole block at once; the answers of `begin`, of its lines, of `commit`."""
    client.send(encode("begin", begin) + b"".join(lines) + b"commit\n")
    first = client.reply()
    return first, [client.reply() for _ in lines], client.reply()


class BlockSender(threading.Thread):
    """Sends named blocks of registrations, each until it is answered for good, over whatever breaks.

    kept     the names of blocks that were answered OK
    broken   how often a connection ended before that
    faults   what must not happen, as text
    """

    def __init__(self, address, context, which, sessions, size, blocks):
        super().__init__(daemon=True)
        self.address, self.context, self.which, self.sessions = address, context, which, sessions
        self.size, self.blocks = size, blocks
        self.kept, self.broken, self.faults = [], 0, []
        self.stopping = threading.Event()

    def lines(self, name):
        return [encode("register", {"session": self.sessions[n % len(self.sessions)], "student": f"{name}-{n}",
                                    "name": f"Naam {n}", "born": 2008}) for n in range(self.size)]

    def run(self):
        for number in range(self.blocks):
            name = f"{self.which}-{number}"
            while not self.stopping.is_set() and not self.faults and name not in self.kept:
                try:
                    with Client(self.address, self.context) as client:
                        _, answers, commit = send_block(client, self.lines(name), name=name)
                except (Closed, TimeoutError, OSError):
                    self.broken += 1
                    self.stopping.wait(0.02)
                    continue
                if commit.ok:
                    self.kept.append(name)
                elif commit.status != "BUSY" or any(answer.word != commit.word for answer in answers):
                    self.faults.append(f"{commit} {answers[:3]}")
                else:
                    self.stopping.wait(0.02)

    def stop(self):
        self.stopping.set()


def check_blocks(registry, senders):
    """Every block is there whole or not at all; those that were acknowledged are, and their numbers stand together."""
    assert [fault for sender in senders for fault in sender.faults] == []
    stored = dict(registry.execute("select name, log from submission"))
    kept = [name for sender in senders for name in sender.kept]
    assert len(kept) == len(set(kept)) and set(kept) <= set(stored)
    sizes = {sender.which: sender.size for sender in senders}
    audit = {log: (verb, outcome) for log, verb, outcome in registry.execute("select log, verb, outcome from audit")}
    for name, log in stored.items():
        size = sizes[name.rpartition("-")[0]]
        assert audit[log] == ("commit", "OK")
        assert all(audit[n] == ("register", "OK") for n in range(log - size, log)), name
    entered = {row[0] for row in registry.execute("select entered from registration")}
    assert all(n in entered for name, log in stored.items() for n in range(log - sizes[name.rpartition("-")[0]], log))


def numbers(prefix, count):
    """Student numbers that nobody takes for a BSN."""
    return [f"{prefix}-{n:05}" for n in range(count)]


def dice(name):
    """A source of chance whose seed is printed (pytest shows it when the test fails), and taken from BUURTAAL_SEED where that
    is set, so that a run can be had again."""
    seed = int(os.environ.get("BUURTAAL_SEED") or random.randrange(1 << 32))
    print(f"{name}: seed {seed}")
    return random.Random(seed)


def check_acknowledged(registry, registrars):
    """Every acknowledged write is there, once, under the number of its answer. Returns the jobs that were answered
    `repeated`: done, and their first answer lost."""
    newest = registry.check_log()
    registry.check_sessions()
    answers = [(verb, student, reply) for registrar in registrars
               for verb, replies in (("register", registrar.acknowledged), ("withdraw", registrar.left))
               for student, reply in replies.items()]
    fresh = {int(reply["log"]): verb for verb, _, reply in answers if "repeated" not in reply.fields}
    repeated = {(verb, student) for verb, student, reply in answers if "repeated" in reply.fields}
    assert len(fresh) + len(repeated) == len(answers), "one number of the log for two writes"
    assert max(fresh, default=0) <= newest
    audit = {row[0]: row[1:] for row in registry.execute("select log, verb, outcome from audit")}
    assert all(audit.get(log) == (verb, "OK") for log, verb in fresh.items()), "an acknowledged write is not in the log"
    states = dict(registry.execute("select entered, state from registration"))
    for registrar in registrars:
        for student, reply in registrar.acknowledged.items():
            if "repeated" not in reply.fields:
                state = states.get(int(reply["log"]))
                assert state in (("withdrawn",) if student in registrar.left else ("seated", "waiting", "withdrawn")), \
                    f"{student} was acknowledged under {reply['log']} and is {state}"
    sent_twice = set().union(*(registrar.sent_twice for registrar in registrars)) if registrars else set()
    assert repeated <= sent_twice, "a repeat that nobody sent twice"
    return repeated
