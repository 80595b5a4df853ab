"""The inbox through two daemons: what a line at one tells is read at the other, by whom it concerns and by nobody else, until
it is acknowledged; nothing is told of what does not stay."""
import datetime
import zoneinfo

from harness.registry import day, until

BACK = {"session": "S", "name": "Bakker, Bo", "born": "2008"}


def told(client):
    """The inbox, each row as its notice and what it speaks of."""
    return [" ".join(filter(None, (row["notice"], *(row.get(name) for name in ("party", "session", "student", "outcome", "final")))))
            for row in client.read_list("inbox", 2)]


def newest(client):
    return client.must("ping")["log"]


def test_what_others_did_is_read_where_it_concerns_until_it_is_acknowledged(registry):
    here, there = registry.start(), registry.start()
    with here.connect("DIB") as exams, there.connect("25LU") as alfa, here.connect("25PJ") as deltion, there.connect("27YU") as twente:
        exams.must("schedule", session="S", exam="DIB-A2", date=day(60), seats=1, place="Assen", host="27YU")
        alfa.must("register", student="1", **BACK)
        deltion.must("register", student="2", **BACK)
        deltion.must("register", student="3", **BACK)

        # Neither a rehearsal nor a block that is undone tells anything.
        alfa.must("withdraw", session="S", student="1", check=True)
        for line in (b"begin\n", b"withdraw session=S student=1\n", b"withdraw session=S student=9\n", b"commit\n"):
            alfa.send(line)
        assert [alfa.reply().word for _ in range(4)] == ["OK", "OK", "NO not-found", "NO refused"]
        assert [told(client) for client in (alfa, deltion, twente, exams)] == [[], [], [], []]

        log = alfa.must("withdraw", session="S", student="1")["log"]
        assert told(deltion) == ["seat-offered 25PJ S 2"] and told(alfa) == []
        assert deltion.must("inbox").rows[0]["log"] == log
        assert deltion.ask("ack", upto=int(newest(deltion)) + 1).word == "NO range"

        exams.must("cancel", session="S", reason="Ziek")
        assert told(twente) == ["session-cancelled 27YU S"] and told(alfa) == [] and told(exams) == []
        assert told(deltion) == ["seat-offered 25PJ S 2", "session-cancelled 25PJ S", "seat-lost 25PJ S 2", "seat-lost 25PJ S 3"]

        assert deltion.ask("ack", upto=log, seen=log).word == "NO changed"
        deltion.must("ack", upto=log)
        assert told(deltion) == ["session-cancelled 25PJ S", "seat-lost 25PJ S 2", "seat-lost 25PJ S 3"]
        with there.connect("25PJ") as other, here.connect("ADMIN") as admin:  # another client of the same party
            assert len(told(other)) == 3 and other.must("ack", upto=log)["repeated"] == "yes"
            other.must("ack", upto=newest(other))
            assert told(deltion) == [] and admin.must("inbox").rows == []
    registry.check_log()


def test_a_certificate_that_ends_soon_is_told_to_its_party(registry):
    world = registry.world
    ending = world.authority.issue("ending", days=(-1, 5))
    last = datetime.datetime.now(zoneinfo.ZoneInfo("UTC")) + datetime.timedelta(days=5)
    daemons = [registry.start() for _ in range(2)]
    with daemons[0].connect("ADMIN") as admin:
        admin.must("grant", party="25LU", role="roc", fingerprint=ending.fingerprint)
    with daemons[1].connect(ending) as alfa, daemons[0].connect("25PJ") as deltion:
        until("the reminder", lambda: alfa.must("inbox").rows)
        rows = alfa.must("inbox").rows
        day_of_last = last.astimezone(zoneinfo.ZoneInfo("Europe/Amsterdam")).date().isoformat()
        assert [(row["notice"], row["certificate"], row["until"]) for row in rows] == \
            [("certificate-expiring", ending.fingerprint, day_of_last)]
        assert deltion.must("inbox").rows == []
    registry.check_log()
