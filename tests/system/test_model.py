"""Thousands of random commands of all roles, in random batches over several connections, against the model in
harness/model.py: every answer exactly, in the order of the log; then all that lists and progress tell."""
import datetime
import threading

from harness.client import encode
from harness.load import dice
from harness.model import Answer, Model, Session
from harness.registry import day

STEPS = 4000
COLLEGES = ("25LU", "25PJ", "27YU")
STUDENTS = 5
ECKID = "https://ketenid.nl/202609/%0128x"


def sessions_of(today):
    """Small ones, so that seats run short; one that is closed and one that is not open yet."""
    def later(days):
        return today + datetime.timedelta(days=days)
    return {"A": Session("DIB-A2", later(100), 3, "25LU", "Emmen", 0),
            "B": Session("DIB-B1", later(101), 2, "25PJ", "Zwolle", 0),
            "C": Session("DIB-A2", later(400), 4, "25PJ", "Zwolle", 0),
            "D": Session("DIB-A2", later(140), 5, "27YU", "Enschede", 0, closes=later(-1)),
            "E": Session("DIB-B1", later(140), 5, "27YU", "Enschede", 0, opens=later(2)),
            "F": Session("DIB-B1", later(90), 1, "25LU", "Emmen", 0, closes=later(90))}


class Steps:
    """Draws commands that are likely to mean something."""

    def __init__(self, chance, model):
        self.chance, self.model = chance, model

    def pick(self, weighted):
        return self.chance.choices(list(weighted), weights=list(weighted.values()))[0]

    def seen(self, log):
        """Mostly none; or a number before, at or after what there may be."""
        return self.pick({None: 12, 0: 1, log: 1, max(0, log - 20): 1})

    def next(self, newest):
        verb = self.pick({"register": 50, "withdraw": 22, "move": 14, "reseat": 5, "schedule": 5, "cancel": 0.15})
        if verb in ("register", "withdraw", "move"):
            return self.of_a_college(verb, newest)
        return self.of_a_session(verb, newest)

    def of_a_college(self, verb, newest):
        party = self.chance.choice(COLLEGES)
        number = self.chance.randrange(STUDENTS)
        session = self.pick({"A": 8, "B": 6, "C": 6, "D": 1, "E": 1, "F": 4, "Z": 0.3})
        student = f"st-{number}"
        newest_attempt = len(self.model.attempts.get((session, party, student), []))
        again = self.pick({None: 4, newest_attempt: 3, newest_attempt + 1: 5, newest_attempt + 2: 0.5, 1: 1}) or None
        fields = {"session": session, "student": student}
        if verb == "register":
            # The first two students of two colleges are the same people.
            eckid = ECKID % number if number < 2 and party != "27YU" else ECKID % (number + 100 + ord(party[-1]))
            fields.update(name=self.pick({f"Naam {number}": 9, f"Naam, {number}": 1}), born=self.pick({"2008": 9, "2008-03": 1}),
                          elective=self.pick({None: 8, "K0959": 2, "K0960": 1, "-": 1, "K9999": 0.2}),
                          needs=self.pick({None: 8, "extra tijd": 2, "-": 1}), eckid=self.pick({None: 5, eckid: 2}))
        elif verb == "withdraw":
            fields.update(reason=self.pick({None: 3, "verhuisd": 1}))
        else:
            fields.update(to=self.pick({"A": 5, "B": 5, "C": 5, "D": 1, "E": 1, "F": 3, "Z": 0.3}))
        fields.update(again=again, seen=self.seen(newest))
        return party, "roc", verb, fields

    def of_a_session(self, verb, newest):
        name = self.pick({"A": 5, "B": 5, "C": 5, "D": 2, "E": 2, "F": 3, "Z": 0.5})
        session = self.model.sessions.get(name)
        host = session.host if session else "25LU"
        party, role = self.pick({("DIB", "exams"): 5, (host, "roc"): 3, (self.chance.choice(COLLEGES), "roc"): 1})
        fields = {"session": name}
        if verb == "reseat":
            fields.update(seats=self.chance.randrange(1, 7))
        elif verb == "cancel":
            fields.update(reason="De zaal is dicht.\nEr komt een nieuwe datum.")
        elif session:
            today = self.model.today
            fields.update(exam=session.exam, date=session.date + datetime.timedelta(days=self.pick({0: 6, 31: 1, -1: 1})),
                          opens=self.pick({None: 6, "-": 2, today: 1, today + datetime.timedelta(days=1): 0.5}),
                          closes=self.pick({None: 6, "-": 2, today: 1, today - datetime.timedelta(days=1): 0.5,
                                            today + datetime.timedelta(days=2000): 0.3}),
                          seats=session.seats, place=self.pick({session.place: 3, "Assen": 1}), host=session.host)
        else:
            return self.of_a_session("reseat", newest)
        fields.update(seen=self.seen(newest))
        return party, role, verb, fields


def exchange(clients, steps):
    """Sends each party's steps over one of its connections, all at the same time; [(step, reply)]."""
    piles = {}
    for step, place in steps:
        piles.setdefault((step[0], place), []).append(step)
    results, faults = [], []

    def run(key, pile):
        try:
            replies = clients[key].ask_many([encode(verb, fields) for _, _, verb, fields in pile])
            results.extend(zip(pile, replies))
        except Exception as error:
            faults.append(error)

    threads = [threading.Thread(target=run, args=item) for item in piles.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    return results


def compare(model, results):
    """Takes the answers in the order of the log through the model."""
    for (party, role, verb, fields), reply in sorted(results, key=lambda result: int(result[1]["log"])):
        wanted = model.ask(party, role, verb, fields, int(reply["log"]))
        assert wanted.fits(reply), f"log {reply['log']} {party}: {encode(verb, fields)!r}\n  got {reply}\n  wanted {wanted}"


def rehearse(model, clients, step, newest):
    party, role, verb, fields = step
    reply = clients[(party, 0)].ask(verb, **fields, check=True)
    wanted: Answer = model.rehearse(party, role, verb, fields, newest + 1)
    assert wanted.fits(reply), f"rehearsal, {party}: {encode(verb, fields)!r}\n  got {reply}\n  wanted {wanted}"
    assert "log" not in reply.fields and (reply.get("check") == "yes" or not reply.ok)


def check_lists(model, clients):
    told = {}
    for party in COLLEGES:
        for row in clients[(party, 0)].read_list("registrations", 9):
            if row["institution"] != party:  # a candidate of another college at a session that it hosts
                assert model.sessions[row["session"]].host == party and not {"name", "born", "needs", "eckid"} & set(row)
                continue
            key = (row["session"], row["institution"], row["student"])
            assert key not in told
            told[key] = row
    wanted = {}
    for key, attempts in model.attempts.items():
        last = attempts[-1]
        wanted[key] = {"session": last.session, "institution": last.college, "student": last.student, "name": last.name,
                       "born": last.born, "elective": last.elective, "needs": last.needs, "state": last.state, "reason": last.reason,
                       "again": str(last.again) if last.again > 1 else None, "log": str(last.log),
                       "eckid": model.eckids.get(last.person),
                       "place": str(model.place(last)) if last.state == "waiting" else None}
    wanted = {key: {name: value for name, value in row.items() if value is not None} for key, row in wanted.items()}
    assert told == wanted
    for row in clients[("DIB", 0)].read_list("sessions", 4):
        session = model.sessions[row["session"]]
        assert {name: row[name] for name in ("state", "seats", "free", "waiting")} == \
            {name: str(value) for name, value in model.told(row["session"]).items()}
        assert row.get("reason") == session.reason
        assert int(row["log"]) == session.log and row["date"] == session.date.isoformat() and row["place"] == session.place


def check_progress(model, clients):
    years = {session.date.year for session in model.sessions.values()}
    for year in years:
        for rung in ("registered", "seated"):
            cells = model.cells(year, rung)
            for place, name in enumerate(("institution", "exam", "month")):
                sums = {}
                for cell, count in cells.items():
                    sums[cell[place]] = sums.get(cell[place], 0) + count
                rows = clients[("NUFFIC", 0)].must("progress", year=year, rung=rung, by=name).rows
                assert {row[name]: int(row["count"]) for row in rows} == sums, (year, rung, name)
            national = [row for row in clients[("NUFFIC", 0)].must("progress", year=year, rung=rung).rows
                        if row["scope"] == "national"]
            assert sum(int(row["count"]) for row in national) == sum(cells.values())
            for party in COLLEGES:
                own = [row for row in clients[(party, 0)].must("progress", year=year, rung=rung).rows if row["scope"] == "own"]
                assert sum(int(row["count"]) for row in own) == sum(model.cells(year, rung, party).values()), (party, year, rung)


def test_the_registry_does_as_the_model_does(registry):
    chance = dice("model")
    daemons = [registry.start(), registry.start()]
    clients = {(party, place): daemons[place].connect(party) for party in (*COLLEGES, "DIB", "NUFFIC") for place in (0, 1)}
    today = datetime.date.fromisoformat(day(0))
    model = Model(today, "DIB", {"K0959", "K0960"})
    for name, session in sessions_of(today).items():
        reply = clients[("DIB", 0)].must("schedule", session=name, exam=session.exam, date=session.date, opens=session.opens,
                                         closes=session.closes, seats=session.seats, place=session.place, host=session.host)
        session.log = int(reply["log"])
        model.sessions[name] = session
    draw = Steps(chance, model)
    done, newest = 0, int(reply["log"])
    while done < STEPS:
        count = chance.choice([1, 1, 3, 10, 40, 120])
        steps = []
        for _ in range(count):
            step, place = draw.next(newest), chance.randrange(2)
            steps += [(step, place)] * (2 if chance.random() < 0.1 else 1)  # said twice
        results = exchange(clients, steps)
        compare(model, results)
        done += len(results)
        newest = max(int(reply["log"]) for _, reply in results)
        for _ in range(2):
            rehearse(model, clients, draw.next(newest), newest)
        if chance.random() < 0.1:
            check_lists(model, clients)
            check_progress(model, clients)
    check_lists(model, clients)
    check_progress(model, clients)
    for client in clients.values():
        client.close()
    registry.check_log()
    assert registry.execute("select log from log_head")[0][0] == newest
