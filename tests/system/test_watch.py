"""Notices: every watcher of every daemon is told all that is for it, once and in order, whatever dies meanwhile; who is too
slow is told what it has not been told."""
import json
import re
import socket
import subprocess
import time

import psycopg2

from harness import client
from harness.registry import day, until
from harness.tool import Tool

YEAR = day(0)[:4]
EXAM = {"exam": "DIB-A2", "seats": 500, "host": "25LU", "date": f"{YEAR}-12-31", "closes": f"{YEAR}-12-31"}


def schedule(exams, session, place, **fields):
    return int(exams.must("schedule", session=session, place=place, **{**EXAM, **fields})["log"])


def register(college, session, student, **fields):
    return int(college.must("register", session=session, student=student, name="Jansen, Jan", born="2008-03-14", **fields)["log"])


def watch(daemon, party, topic="inbox,progress"):
    """A connection that watches, and from which number."""
    made = daemon.connect(party)
    return made, int(made.must("watch", topic=topic)["log"])


def read_notices(watcher, topic, done):
    """The fields of each notice of a topic, until one of them is what `done` waits for; the other topics stay."""
    found, others = [], []
    while not (found and done(found[-1])):
        line = watcher.notices.pop(0) if watcher.notices else watcher.read_raw()
        assert line is not None and line.startswith("* "), line
        word, fields = re.match(r"\* (\S+)(.*)", line, re.S).groups()
        assert word in ("inbox", "progress"), line
        if word == topic:
            found.append(client.decode_fields(fields))
        else:
            others.append(line)
    watcher.notices = others + watcher.notices
    return found


def listed(college, since):
    return [row for row in college.must("inbox").rows if int(row["log"]) > since]


def test_200_watchers_of_two_daemons_are_told_all_once_and_in_order(registry):
    daemons = [registry.start(), registry.start()]
    parties = ["25LU", "27YU", "25PJ", "DIB"]
    with daemons[0].connect("DIB") as exams:
        schedule(exams, "S", "Assen")
        watchers = [(party, *watch(daemons[i % 2], party)) for i, party in enumerate(parties * 50)]
        colleges = {party: daemons[1].connect(party) for party in parties}
        for party in parties[:3]:
            register(colleges[party], "S", "1")
        logs = []
        for number in range(20):
            logs.append(schedule(exams, "S", f"Place {number}"))
            if number == 10:
                # The connections by which the daemons read: they ask again over new ones.
                registry.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() "
                                 "and usename = 'buurtaald' and query like '%watch%'")
        last = schedule(exams, "S", "The last")
        logs.append(last)
        for party, watcher, since in watchers:
            if party == "DIB":
                continue
            told = read_notices(watcher, "inbox", lambda row: int(row["log"]) == last)
            assert told == listed(colleges[party], since)
            assert [int(row["log"]) for row in told if row["notice"] == "session-moved"] == logs
    for party, watcher, _ in watchers:
        # Its own count, and the nation's, as a read has them now; each figure in the order of its numbers.
        want = {row["scope"]: row for row in colleges[party].must("progress").rows}
        scope = "own" if party != "DIB" else "national"
        told = read_notices(watcher, "progress", lambda row, want=want, scope=scope: row["scope"] == scope and
                            row["count"] == want[scope]["count"])
        numbers = [int(row["log"]) for row in told if row["scope"] == scope]
        assert numbers == sorted(numbers)
        watcher.close()
    registry.check_log()


def test_a_watcher_that_begins_at_any_moment_misses_nothing_and_hears_nothing_twice(registry):
    daemon = registry.start()
    with daemon.connect("DIB") as exams, daemon.connect("25LU") as college:
        schedule(exams, "S", "Assen")
        register(college, "S", "0")
        watchers = []
        for number in range(1, 40):
            # What it reads behind its `watch`, and what it is told behind that, is all.
            if number % 4 == 0:
                made = daemon.connect("25LU")
                made.post("watch", topic="inbox,progress")
                made.post("inbox")
                made.post("progress")
                watchers.append(made)
            schedule(exams, "S", f"Place {number}")
            last = register(college, "S", str(number))
        last = schedule(exams, "S", "The last")
        want = [row["log"] for row in college.must("inbox").rows]
        count = [row["count"] for row in college.must("progress").rows if row["scope"] == "own"]
        for made in watchers:
            since, inbox, progress = int(made.reply()["log"]), made.reply(), made.reply()
            notices = read_notices(made, "inbox", lambda row: int(row["log"]) == last)
            assert all(int(row["log"]) > since for row in notices)
            known = [row["log"] for row in inbox.rows]
            assert known + [row["log"] for row in notices if row["log"] not in known] == want
            assert len({row["log"] for row in notices}) == len(notices)
            own = [row for row in progress.rows if row["scope"] == "own"]
            if [row["count"] for row in own] != count:
                read_notices(made, "progress", lambda row: row["scope"] == "own" and [row["count"]] == count)
            made.close()


def burst(registry, exams, party, rows):
    """So many rows in a party's inbox, under the number of one write."""
    with psycopg2.connect(registry.owner) as database, database.cursor() as cursor:
        cursor.execute("""insert into registry.inbox (party, role, log, place, notice, session)
            select %s, 'roc', head.log + 1, place, 'seat-lost', 'a-name-that-makes-the-line-somewhat-longer-' || place
            from registry.log_head head, generate_series(1, %s) place""", (party, rows))
    database.close()
    return schedule(exams, "OTHER", f"Place {time.monotonic_ns()}", host="27YU")


def deaf(daemon, registry, party):
    """A connection that watches, and whose kernel takes little."""
    made = client.Client.__new__(client.Client)
    made.buffer, made.notices, made.greeting = b"", [], None
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.settimeout(30)
    raw.connect(daemon.address)
    made.socket = registry.context(party).wrap_socket(raw, server_hostname=daemon.address[0])
    made.read_greeting()
    made.must("watch", topic="inbox")
    return made


def test_who_never_reads_costs_the_others_nothing_and_is_told_what_it_lost(registry):
    daemon = registry.start()
    with daemon.connect("DIB") as exams, daemon.connect("25LU") as reader:
        reader.must("watch", topic="inbox")
        slow = deaf(daemon, registry, "25LU")
        other, _ = watch(daemon, "27YU")
        schedule(exams, "OTHER", "Assen", host="27YU")
        rows = 40000
        log = burst(registry, exams, "25LU", rows)
        longest = 0
        for place in range(1, rows + 1):
            line = reader.read_raw()
            assert line.startswith(f"* inbox log={log} ") and f"longer-{place}" in line, line
            if place % 400 == 0:  # meanwhile the daemon answers
                before = time.monotonic()
                other.must("ping")
                longest = max(longest, time.monotonic() - before)
        print(f"longest ping while {rows} rows are dealt out: {longest * 1000:.0f} ms")
        assert longest < 1
        # What waited, then what was lost, then what came last; never back.
        places, lost = [], []
        while not places or places[-1] < rows:
            line = slow.read_raw()
            if line.startswith("* lost "):
                lost.append(client.decode_fields(line[len("* lost"):]))
                assert places
            else:
                places.append(int(re.search(r"longer-(\d+)", line)[1]))
        assert lost == [{"topic": "inbox", "upto": str(log)}]
        assert places == sorted(set(places)) and len(places) < rows
        gaps = [number for number, (one, next_) in enumerate(zip(places, places[1:])) if next_ != one + 1]
        assert len(gaps) == 1
        slow.close()
        other.close()


def test_who_takes_nothing_for_too_long_is_cut_off_and_the_rest_hear_on(registry):
    daemon = registry.start(limits__unsent="2 s", limits__idle="4 s")
    with daemon.connect("DIB") as exams, daemon.connect("25LU") as reader:
        reader.must("watch", topic="inbox")
        slow = deaf(daemon, registry, "25LU")
        schedule(exams, "OTHER", "Assen", host="27YU")
        burst(registry, exams, "25LU", 40000)
        for _ in range(40000):
            reader.read_raw()
        daemon.wait_log("event=abandon")
        # It has asked nothing for longer than is let to others, but it watches.
        with daemon.connect("DIB") as again:
            log = burst(registry, again, "25LU", 1)
        assert reader.read_raw().startswith(f"* inbox log={log} ")
        slow.close()


def test_a_drain_a_restart_and_a_revocation(registry):
    listener = registry.listener()
    old = registry.start(listener=listener)
    with old.connect("DIB") as exams:
        schedule(exams, "S", "Assen")
        college, since = watch(old, "25LU", "inbox")
        log = schedule(exams, "S", "Emmen")
        assert int(read_notices(college, "inbox", lambda row: True)[0]["log"]) == log
    new = registry.start(listener=listener, wait=False)
    new.wait_log("event=ready")
    old.stop()
    assert college.last_words() == "draining"
    with new.connect("DIB") as exams, new.connect("ADMIN") as admin:
        missed = schedule(exams, "S", "Assen")
        college, since = watch(new, "25LU", "inbox")
        told = schedule(exams, "S", "Emmen")
        # What it has not been told stands in the inbox.
        assert [int(row["log"]) for row in read_notices(college, "inbox", lambda row: int(row["log"]) == told)
                if int(row["log"]) > missed] == [told]
        assert [int(row["log"]) for row in listed(college, log)] == [missed, told]
        admin.must("revoke", fingerprint=registry.world.identities["25LU"].fingerprint)
        schedule(exams, "S", "Assen")
        assert college.last_words() == "revoked"
        assert college.notices == []
        # So does another role.
        college, _ = watch(new, "27YU", "inbox")
        admin.must("grant", party="27YU", role="exams", fingerprint=registry.world.identities["27YU"].fingerprint)
        assert college.last_words() == "revoked"
    listener.close()


def test_the_database_restarts_and_nothing_is_missed(registry):
    daemon = registry.start()
    with daemon.connect("DIB") as exams:
        schedule(exams, "S", "Assen")
        college, since = watch(daemon, "25LU")
        logs = [schedule(exams, "S", "Emmen")]
        for _ in range(3):
            registry.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() "
                             "and usename = 'buurtaald'")
            until("a write", lambda: exams.ask("schedule", session="S", place=f"Place {len(logs)}", **EXAM).ok)
            logs.append(registry.execute("select log from session where session = 'S'")[0][0])
        told = read_notices(college, "inbox", lambda row: int(row["log"]) == logs[-1])
        assert [int(row["log"]) for row in told] == logs
        college.close()


class Told:
    """What `buurtaal watch` prints, as it comes: objects, by topic."""

    def __init__(self, tool, *topics):
        self.process = tool.start("watch", *topics, "--json", stderr=subprocess.PIPE)
        self.rows = {"inbox": [], "progress": []}

    def until(self, topic, done):
        while not (self.rows[topic] and done(self.rows[topic][-1])):
            line = self.process.stdout.readline()
            assert line, f"it ended: {self.process.wait()} {self.process.stderr.read()}"
            row = json.loads(line)
            self.rows[row.pop("topic")].append(row)
        return self.rows[topic]

    def end(self):
        self.process.terminate()
        self.process.communicate(timeout=20)


def test_the_command_prints_what_is_there_and_what_comes_whatever_happens_to_the_connection(registry):
    listener = registry.listener()
    daemon = registry.start(listener=listener)
    with daemon.connect("DIB") as exams, daemon.connect("25LU") as college:
        logs = [schedule(exams, "S", "Assen") and schedule(exams, "S", "Emmen")]
        register(college, "S", "1")
    tool = Tool(registry, daemon.address, "25LU")
    told = Told(tool)
    assert told.until("progress", lambda row: row["scope"] == "own")[-1]["count"] == 1
    assert [row["log"] for row in told.until("inbox", lambda row: True)] == logs
    with daemon.connect("DIB") as exams:
        logs.append(schedule(exams, "S", "Hoogeveen"))
        told.until("inbox", lambda row: row["log"] == logs[-1])
    # While nobody serves, and while its connection is away.
    daemon.stop()
    daemon = registry.start(listener=listener)
    with daemon.connect("DIB") as exams, daemon.connect("25LU") as college:
        logs += [schedule(exams, "S", f"Place {number}") for number in range(5)]
        register(college, "S", "2")
        logs += [burst(registry, exams, "25LU", 3)] * 3
        logs.append(schedule(exams, "S", "The last"))
        rows = told.until("inbox", lambda row: row["log"] == logs[-1])
        assert [row["log"] for row in rows] == logs
        assert rows == [{name: int(value) if name == "log" else value for name, value in row.items()} for row in listed(college, 0)]
        own = told.until("progress", lambda row: row.get("count") == 2)
        assert [row["count"] for row in own if row["scope"] == "own"] == [1, 2]
    told.end()
    status, said = tool.run("watch", "inbox", "audit")
    assert status == 64 and "audit" in said
    listener.close()
