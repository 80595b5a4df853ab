"""Minutes of load while daemons, backends and the cluster are killed, stopped and restarted at random. Nothing that was
acknowledged may be gone or there twice, the log has no gap, the sums are right, and all come back by themselves.

BUURTAAL_TORTURE_SECONDS (default 150) says how long. Prints `torture NAME VALUE`."""
import os
import signal
import time

import psycopg2

from harness.cluster import Cluster
from harness.load import BlockSender, Registrar, check_acknowledged, check_blocks, dice, numbers
from harness.registry import day, until

SECONDS = int(os.environ.get("BUURTAAL_TORTURE_SECONDS", "150"))
DAEMONS = 3
CLIENTS = 36
SESSIONS = ("S1", "S2", "S3")


class Tormentor:
    """What may happen to a registry, each as a method; `counts` notes how often."""

    def __init__(self, cluster, registry, listener, chance):
        self.cluster, self.registry, self.listener, self.chance = cluster, registry, listener, chance
        self.daemons = [registry.start(listener) for _ in range(DAEMONS)]
        self.stopped = []  # (when to go on, daemon)
        self.counts, self.last = {}, "nothing"

    def replace(self, number):
        place = self.chance.randrange(DAEMONS)
        old = self.daemons[place]
        if old in [daemon for _, daemon in self.stopped]:
            return
        status = old.stop(number)
        assert status == (0 if number == signal.SIGTERM else -number), f"{old.log_path}: {status}"
        self.daemons[place] = self.registry.start(self.listener, wait=False)

    def kill_daemon(self):
        self.replace(signal.SIGKILL)

    def restart_daemon(self):
        self.replace(signal.SIGTERM)

    def reload_daemon(self):
        self.chance.choice(self.daemons).tell(signal.SIGHUP)

    def freeze_daemon(self):
        """For long enough that the others end what it holds in the database."""
        if not self.stopped:
            daemon = self.chance.choice(self.daemons)
            daemon.tell(signal.SIGSTOP)
            self.stopped.append((time.monotonic() + 8, daemon))

    def end_backends(self):
        """The database may still be on its way down from the last blow: it is waited for."""
        until("the database", self.try_to_end_backends, 60)

    def try_to_end_backends(self):
        return self.answers("""select pg_terminate_backend(pid) from pg_stat_activity
                                 where datname = current_database() and usename = 'buurtaald' and random() < 0.5
                                 union all select true""")

    def kill_backend(self):
        """PostgreSQL then ends all of them and recovers."""
        pids = self.answers("select pid from pg_stat_activity where datname = current_database() and usename = 'buurtaald'")
        if pids:
            os.kill(self.chance.choice(pids)[0], signal.SIGKILL)
            until("recovery", self.answers, 60)

    def kill_cluster(self):
        self.cluster.kill()
        self.cluster.start()

    def answers(self, question="select true"):
        """The rows; None while the database is away."""
        try:
            return self.registry.execute(question)
        except psycopg2.OperationalError:
            return None

    def thaw(self, all_of_them=False):
        for when, daemon in self.stopped[:]:
            if all_of_them or time.monotonic() >= when:
                daemon.tell(signal.SIGCONT)
                self.stopped.remove((when, daemon))

    def act(self):
        kinds = [self.kill_daemon] * 4 + [self.restart_daemon] * 6 + [self.reload_daemon] * 3 + [self.end_backends] * 6 + \
            [self.freeze_daemon, self.kill_backend, self.kill_cluster]
        kind = self.chance.choice(kinds)
        kind()
        self.counts[kind.__name__] = self.counts.get(kind.__name__, 0) + 1
        self.last = kind.__name__.replace("_", "-")


def test_torture(tmp_path, capsys):
    chance = dice("torture")
    with Cluster("torture") as cluster:
        registry = cluster.world.copy(tmp_path, cluster.world.founded)
        with registry.listener() as listener:
            tormentor = Tormentor(cluster, registry, listener, chance)
            try:
                torment(registry, listener, tormentor, chance, capsys)
            finally:
                tormentor.thaw(all_of_them=True)
                problems = registry.stop_all()
            assert problems == []


def torment(registry, listener, tormentor, chance, capsys):
    until("a daemon serves", lambda: all("event=ready" in daemon.log() for daemon in tormentor.daemons))
    with tormentor.daemons[0].connect("DIB") as exams:
        for session in SESSIONS:
            exams.must("schedule", session=session, exam="DIB-A2", date=day(200), seats=500, place="Emmen", host="25LU")
    registrars = [Registrar(listener.getsockname()[:2], registry.context(party), SESSIONS[n % 3],
                            numbers(f"{party}-{n}", 100000), depth=1 + n % 8, leave=n % 4)
                  for n in range(CLIENTS) for party in [("25LU", "25PJ", "27YU")[n % 3]]]
    senders = [BlockSender(listener.getsockname()[:2], registry.context("27YU"), f"B{n}", SESSIONS, 50, 100000)
               for n in range(4)]
    for thread in registrars + senders:
        thread.start()
    end = time.monotonic() + SECONDS
    longest, after, last, seen = 0.0, "nothing", time.monotonic(), 0
    next_act = last + 1
    while time.monotonic() < end:
        now = time.monotonic()
        if now >= next_act:
            tormentor.act()
            next_act = time.monotonic() + chance.uniform(0.1, 2.5)
        tormentor.thaw()
        answered = sum(len(registrar.acknowledged) for registrar in registrars)
        if answered > seen:
            silence, last, seen = time.monotonic() - last, time.monotonic(), answered
            if silence > longest:
                longest, after = silence, tormentor.last
        assert time.monotonic() - last < 60, "nothing was acknowledged for a minute"
        time.sleep(0.02)
    tormentor.thaw(all_of_them=True)
    seen = sum(len(registrar.acknowledged) for registrar in registrars)
    until("all goes on after the last of it",
          lambda: sum(len(registrar.acknowledged) for registrar in registrars) > seen + 200, 60)
    until("the database", tormentor.answers, 60)
    for thread in registrars + senders:
        thread.stop()
    for thread in registrars + senders:
        thread.join(60)
        assert not thread.is_alive()
    check_blocks(registry, senders)
    assert [fault for registrar in registrars for fault in registrar.faults] == []
    assert [refused for registrar in registrars for refused in registrar.refused] == []
    repeated = check_acknowledged(registry, registrars)
    busy = {}
    for registrar in registrars:
        for code, count in registrar.busy.items():
            busy[code] = busy.get(code, 0) + count
    assert set(busy) <= {"database", "unknown", "overload"}, busy
    with capsys.disabled():
        print(f"\ntorture seconds {SECONDS}")
        print(f"torture acknowledged {sum(len(r.acknowledged) + len(r.left) for r in registrars)}")
        print(f"torture blocks {sum(len(s.kept) for s in senders)}, ends of connections {sum(s.broken for s in senders)}")
        print(f"torture answers-lost-and-repeated {len(repeated)}")
        print(f"torture longest-silence-ms {longest * 1000:.0f} after {after}")
        for code, count in sorted(busy.items()):
            print(f"torture busy-{code} {count}")
        for name, count in sorted(tormentor.counts.items()):
            print(f"torture {name.replace('_', '-')} {count}")
