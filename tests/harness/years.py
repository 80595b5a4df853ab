"""Years of registrations, put into a registry over the wire as colleges would, with its clock walked from day to day: what is
measured of a large registry is measured of one that its own functions made."""
import contextlib
import datetime

from harness.client import encode

FIRST_YEAR = 2027  # registries of tests are founded before it, and their clock goes forward only
COLLEGES = 60
EXAMS = 10
DAYS = 24          # of a year on which registrations come, six days apart
RESULTS = 10       # one in so many registrations gets a score
TWICE = 20         # one in so many is somebody's second, for another exam
WINDOW = 200       # lines that are under way on a connection


def college(n):
    return f"C{n:02}"


class Years:
    """Fills a registry with `count` registrations over `years` years, the last of which is the running one: half of its days are
    over. The world needs an identity for each college (`identities`)."""

    def __init__(self, registry, count, years=9):
        self.registry, self.count, self.years = registry, count, years
        self.last_year = FIRST_YEAR + years - 1
        self.today = None

    def identities(self):
        world = self.registry.world
        for n in range(COLLEGES):
            world.identities.setdefault(college(n), world.authority.issue(college(n)))

    def clock(self, day):
        """It is noon of that day."""
        self.today = day
        self.registry.execute("delete from demo")
        self.registry.execute("insert into demo (ahead) values (%s::date + time '12:00' - now()::timestamp)", day)

    def fill(self, note=lambda text: None):
        self.identities()
        daemon = self.registry.start()
        with contextlib.ExitStack() as stack:
            connect = lambda party: stack.enter_context(daemon.connect(party, timeout=120))
            with daemon.connect("ADMIN") as admin:
                self.found(admin)
            exams, ocw = connect("DIB"), connect("OCW")
            colleges = [connect(college(n)) for n in range(COLLEGES)]
            done = 0
            for year in range(FIRST_YEAR, self.last_year + 1):
                ocw.must("target", year=year, language="de", rung="seated", count=5000)
                self.schedule(exams, year)
                self.offer(colleges, year)
                done += self.register(colleges, year, self.share(year))
                if year < self.last_year:
                    self.score(exams, year, self.share(year))
                note(f"{year}: {done} registrations")
        assert daemon.stop() == 0

    @staticmethod
    def day(year, number):
        """One of the days on which registrations come."""
        return datetime.date(year, 1, 5) + datetime.timedelta(days=6 * number)

    def last_day(self):
        return self.day(self.last_year, DAYS // 2)

    def share(self, year):
        """How many register in a year: each has some more or fewer than the one before."""
        weights = [10 + (y * 7) % 4 for y in range(FIRST_YEAR, self.last_year + 1)]
        return self.count * weights[year - FIRST_YEAR] // sum(weights)

    def found(self, admin):
        for n in range(COLLEGES):
            admin.must("institution", code=college(n), name=f"College {n}", kind="college", country="NL",
                       province=("groningen", "drenthe", "overijssel", "gelderland", "limburg")[n % 5])
            admin.must("grant", party=college(n), role="roc", fingerprint=self.registry.world.identities[college(n)].fingerprint)
        for n in range(EXAMS):
            admin.must("exam", exam=f"E{n}", issuer="DIB", language="de", level=("A2", "B1")[n % 2], certificate=True,
                       edition=2026)
            admin.must("exam-part", exam=f"E{n}", part="writing", max=100, **{"pass": 60})

    def schedule(self, exams, year):
        self.clock(datetime.date(year, 1, 4))
        for n in range(EXAMS):
            exams.must("schedule", session=self.session(year, n), exam=f"E{n}", date=f"{year}-07-{1 + n:02}",
                       seats=100000, place="Emmen", host=college(n))

    def offer(self, colleges, year):
        for n, client in enumerate(colleges[:COLLEGES - 5]):
            client.must("offer", elective="K0959", schoolyear=year - 1, students=20 + n)

    @staticmethod
    def session(year, exam):
        return f"{year}-E{exam % EXAMS}"

    def line(self, year, i):
        """The i-th registration of a year: its college and the key of the registration."""
        student, exam = i, i // COLLEGES
        if i % TWICE == 19 and i >= COLLEGES:
            student, exam = i - COLLEGES, exam + 3
        return i % COLLEGES, {"session": self.session(year, exam), "student": f"s{year}-{student}"}

    def register(self, colleges, year, count):
        done = 0
        for day in range(DAYS // 2 if year == self.last_year else DAYS):
            self.clock(self.day(year, day))
            lines = [[] for _ in colleges]
            for i in range(count * day // DAYS, count * (day + 1) // DAYS):
                place, key = self.line(year, i)
                lines[place].append(encode("register", {**key, "name": f"Naam, {i}", "born": "2008-03-14"}))
            done += sum(len(of_one) for of_one in lines)
            self.ask_all(colleges, lines)
        return done

    def score(self, exams, year, count):
        self.clock(datetime.date(year, 8, 1))
        lines = []
        for i in range(0, count, RESULTS):
            place, key = self.line(year, i)
            lines.append(encode("score", {**key, "college": college(place), "part": "writing", "points": 40 + i // RESULTS % 60,
                                          "final": True}))
        assert all(reply.ok for reply in exams.ask_many(lines))

    @staticmethod
    def ask_all(clients, lines):
        """Sends each client its lines, all at the same time, and takes the answers."""
        at = 0
        while any(len(of_one) > at for of_one in lines):
            parts = [(client, of_one[at:at + WINDOW]) for client, of_one in zip(clients, lines)]
            for client, part in parts:
                client.send(b"".join(part))
            for client, part in parts:
                for line in part:
                    reply = client.reply()
                    assert reply.ok, f"{line!r}: {reply}"
            at += WINDOW
