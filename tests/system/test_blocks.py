"""Many lines as one: rehearsed, planned, named, bounded; and whole whatever dies when."""
import signal

import psycopg2

from harness.client import encode
from harness.load import BlockSender, check_blocks, dice, send_block
from harness.registry import conninfo, day, high_water, until

LINES_MOST = 5000


def schedule(daemon, seats=50, sessions=1):
    with daemon.connect("DIB") as exams:
        for n in range(sessions):
            exams.must("schedule", session=f"S{n}", exam="DIB-A2", date=day(200), seats=seats, place="Emmen", host="25LU")


def student(number, session="S0", **fields):
    return encode("register", {"session": session, "student": f"L{number}", "name": f"Naam {number}", "born": 2008, **fields})


def test_a_plan_is_shown_kept_and_repeated(registry):
    daemon = registry.start()
    schedule(daemon, seats=2)
    lines = [student(n) for n in range(3)]
    with daemon.connect("25LU") as alfa, daemon.connect("25PJ") as deltion:
        begin, answers, shown = send_block(alfa, lines, check=True)
        assert begin.ok and [(a["check"], a["state"]) for a in answers] == [("yes", "seated")] * 2 + [("yes", "waiting")]
        assert (shown.word, shown["accepted"], shown["refused"]) == ("OK", "3", "0")
        assert registry.execute("select count(*) from registration") == [(0,)]
        # A seat goes to another meanwhile: the plan is another, and nothing stays.
        assert deltion.must("register", session="S0", student="D1", name="Eerder, E.", born=2008)["state"] == "seated"
        _, answers, changed = send_block(alfa, lines, plan=shown["plan"])
        assert changed.word == "NO changed" and [a["state"] for a in answers] == ["seated", "waiting", "waiting"]
        assert registry.execute("select count(*) from registration") == [(1,)]
        # What was shown now is what stays, with a number of its own behind those of the lines; a tag changes nothing.
        tagged = [line.replace(b" student", b" tag=t student") for line in lines]
        _, answers, kept = send_block(alfa, tagged, plan=changed["plan"], name="2027/april", sha256="ab" * 32)
        assert kept.ok and kept["plan"] == changed["plan"] and all(a["tag"] == "t" for a in answers)
        assert [int(a["log"]) for a in answers] + [int(kept["log"])] == list(range(int(answers[0]["log"]), int(kept["log"]) + 1))
        # Again, whatever happened since: nothing runs.
        alfa.must("withdraw", session="S0", student="L0")
        _, answers, again = send_block(alfa, lines, name="2027/april")
        assert [a.fields for a in answers] == [{"repeated": "yes"}] * 3
        assert (again["repeated"], again["log"], again["accepted"]) == ("yes", kept["log"], "3")
        _, answers, taken = send_block(alfa, lines[:2], name="2027/april")
        assert {a.word for a in answers} == {"NO taken"} and (taken.word, taken["field"]) == ("NO taken", "name")
        # Under the same name at another college it is another; each sees its own.
        assert send_block(deltion, [], name="2027/april")[2].ok
        rows = alfa.read_list("submissions", 1)
        assert [(r["name"], r["sha256"], r["accepted"], r["log"]) for r in rows] == [("2027/april", "ab" * 32, "3", kept["log"])]
    with daemon.connect("ADMIN") as admin:
        row = admin.must("audit", log=kept["log"]).rows[0]
        assert (row["verb"], row["party"], row["fields"]) == ("commit", "25LU", f"name=2027/april sha256={'ab' * 32} lines=3")
    registry.check_log()
    registry.check_sessions()


def test_the_plan_is_the_same_on_every_daemon(registry):
    first, second = registry.start(), registry.start()
    schedule(first)
    plans = set()
    for daemon in (first, second, first):
        with daemon.connect("25LU") as alfa:
            plans.add(send_block(alfa, [student(1), b"withdraw session=none student=1\n"], check=True)[2]["plan"])
    assert len(plans) == 1


def test_a_block_may_end_its_own_certificate(registry):
    daemon = registry.start()
    own = registry.world.identities["ADMIN"].fingerprint
    with daemon.connect("ADMIN") as admin:
        _, answers, commit = send_block(admin, [encode("revoke", {"fingerprint": own})], name="last")
        assert answers[0].word == "OK" and (commit.word, commit["accepted"]) == ("OK", "1")
    assert registry.execute("select name, accepted from submission") == [("last", 1)]
    registry.check_log()


def test_a_block_of_which_no_line_can_run_ends_too(registry):
    daemon = registry.start()
    with daemon.connect("25LU") as alfa:
        for name in (None, "N"):
            _, answers, commit = send_block(alfa, [b"register\n", b"ping\n", b"x\n"], **({"name": name} if name else {}))
            assert [a.word for a in answers] == ["BAD missing", "BAD in-block", "BAD verb"]
            assert (commit.word, commit["accepted"], commit["refused"]) == ("NO refused", "0", "3")
        _, _, commit = send_block(alfa, [])
        assert commit.ok and commit["accepted"] == "0"
        assert send_block(alfa, [], check=True)[2].ok
    registry.check_log()


def test_the_bounds(registry):
    daemon = registry.start()
    schedule(daemon, seats=2 * LINES_MOST)
    with daemon.connect("25LU") as alfa:
        _, answers, commit = send_block(alfa, [student(n) for n in range(LINES_MOST)])
        assert commit.ok and commit["accepted"] == str(LINES_MOST) and all(a["state"] == "seated" for a in answers)
        for lines in ([student(n) for n in range(LINES_MOST + 1)], [student(n) for n in range(20000)],
                      [student(n, needs="x" * 480) for n in range(4500)]):
            _, answers, commit = send_block(alfa, lines)
            assert len(answers) == len(lines) and {a.word for a in answers} | {commit.word} == {"BAD block-size"}
        assert alfa.must("ping")["log"]
        assert registry.execute("select count(*) from registration") == [(LINES_MOST,)]
    registry.check_log()


def test_memory_for_blocks_is_bounded_and_comes_back(registry):
    daemon = registry.start()
    schedule(daemon)
    filling = [student(n, needs="x" * 300) for n in range(4000)]
    with daemon.connect("25LU") as late:
        open_ones = []
        for _ in range(40):
            client = daemon.connect("25LU")
            open_ones.append(client)
            client.send(b"begin\n")
            if not (begin := client.reply()).ok:
                break
            client.send(b"".join(filling))
        assert begin.word == "BUSY memory" and len(open_ones) > 4 and int(begin["retry"]) >= 1
        _, answers, commit = send_block(late, [student(1), student(2)])
        assert {a.word for a in answers} | {commit.word} == {"BUSY memory"}
        assert late.must("register", session="S0", student="L1", name="Naam", born=2008)["state"] == "seated"
        with daemon.connect("25PJ") as other: # what one party fills is not all there is
            assert send_block(other, [student(1)])[2].ok
        for client in open_ones:
            client.close()
        until("the memory is free again", lambda: send_block(late, [student(2)])[2].ok)


def test_blocks_that_wait_hold_little_more_than_their_bytes(registry):
    daemon = registry.start()
    before = high_water(daemon.process.pid)
    schedule(daemon)
    block = b"begin\n" + b"x\n" * LINES_MOST + b"commit\n"
    holder = psycopg2.connect(conninfo(registry.owner, options="'-csearch_path=registry'"))
    with holder.cursor() as cursor, daemon.connect("25LU") as probe:
        cursor.execute("select from log_head for update")
        waiting = [daemon.connect("25LU") for _ in range(13)]
        for client in waiting:
            client.send(block * 120)

        def is_full():
            begin, _ = probe.ask_many([b"begin\n", b"abandon\n"])
            return begin.word == "BUSY memory"

        until("all of them wait", is_full)
        assert high_water(daemon.process.pid) - before < 40 * 1024 # kB, for the 16 MiB that they are counted with
        for client in waiting:
            client.close()
    holder.close()
    with daemon.connect("25LU") as alfa:
        until("the memory is free again", lambda: send_block(alfa, [student(1)])[2].ok)


def test_a_block_is_whole_whatever_dies(registry):
    draw = dice("blocks")
    senders, blocks, singles, size = 4, 12, 300, 40
    with registry.listener() as listener:
        daemon = registry.start(listener)
        schedule(daemon, seats=1000, sessions=3)
        threads = [BlockSender(daemon.address, registry.context("25LU"), f"B{n}", ("S0", "S1", "S2"), size, blocks)
                   for n in range(senders)]
        for thread in threads:
            thread.start()
        killed = 0
        while any(thread.is_alive() for thread in threads) and killed < 12:
            goal = sum(len(thread.kept) for thread in threads) + draw.randrange(3)
            until("a few more", lambda: sum(len(t.kept) for t in threads) >= goal or not any(t.is_alive() for t in threads), 60)
            if draw.random() < 0.4:
                daemon.stop(signal.SIGKILL)
                daemon = registry.start(listener)
            else:
                registry.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'buurtaald'")
            killed += 1
        # Many single writes beside the blocks all end too.
        with daemon.connect("25PJ") as deltion:
            replies = deltion.ask_many([encode("register", {"session": "S0", "student": f"D{n}", "name": "N", "born": 2008})
                                        for n in range(singles)])
        assert all(reply.ok for reply in replies)
        for thread in threads:
            thread.join(120)
            assert not thread.is_alive() and len(thread.kept) == blocks
        assert killed > 3
        check_blocks(registry, threads)
        assert registry.execute("select count(*) from registration") == [(senders * blocks * size + singles,)]
    registry.check_log()
    registry.check_sessions()
