"""Keys: a new one is taken while daemons run and writers write, and every value moves to it; nobody notices, nothing that is read
changes, and what dies in between is taken up again. Wrong keys are refused in words that say so."""
import contextlib
import os
import re
import shutil
import signal
import subprocess
import time

from harness.client import encode
from harness.load import Registrar, dice, numbers, send_block
from harness.registry import PROGRAM, day, until

SESSION = "S"
SEALED = [("student", "student"), ("eckid", "eckid"), ("registration", "name"), ("registration", "born"),
          ("registration", "needs"), ("attendance", "irregularity")]


def keys_of(registry, name="own.keys"):
    """A copy of the keys of the world, for a test that changes them."""
    path = f"{registry.folder}/{name}"
    shutil.copy(registry.world.seal_keys, path)
    os.chmod(path, 0o600)
    return path


def seal_key(*arguments, status=0):
    done = subprocess.run([PROGRAM, "seal-key", *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True)
    assert done.returncode == status, done
    return done.stdout + done.stderr


def drop_key(registry, number, path, *more, status=0, **changes):
    config = registry.configure("drop.conf", seal__keys=path, **changes)
    done = subprocess.run([PROGRAM, "-f", config, "seal-key", "--drop", str(number), *more, path], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True)
    assert done.returncode == status, done
    return done.stdout + done.stderr


def schedule(daemon, seats=10000):
    with daemon.connect("DIB") as exams:
        exams.must("schedule", session=SESSION, exam="DIB-A2", date=day(0), closes=day(0), seats=seats, place="Emmen",
                   host="25LU")


def eckid(number):
    return f"https://ketenid.nl/201703/{number:0128x}"


def fill(daemon, count, first=1):
    """Registers students with all that is sealed of them, some with an irregularity."""
    with daemon.connect("25LU") as college:
        college.send("".join(
            f'register session={SESSION} student=L{n:06d} name="Naam, {n}" born=2008-03-14 eckid={eckid(n)}'
            f'{" needs=verlengd" if n % 3 == 0 else ""}\n' for n in range(first, first + count)).encode())
        for _ in range(count):
            assert college.reply().ok
        for n in range(first, first + count, 10):
            college.must("attend", session=SESSION, student=f"L{n:06d}", part="writing", status="present",
                         irregularity="telefoon")


@contextlib.contextmanager
def daemon_of(registry, path):
    daemon = registry.start(seal__keys=path)
    yield daemon
    daemon.stop()


def seen(daemon):
    """What a college reads of its own."""
    with daemon.connect("25LU") as college:
        return [[str(row) for row in college.must(verb, institution="25LU").rows] for verb in ("registrations", "scores")]


def told(registry):
    """The rows of the log, but for those of the registry's own chores."""
    return registry.execute("select log, verb, fields, outcome from audit where party <> 'registry' order by log")


def by_key(registry):
    """How many values there are under each key, by what stands in their bytes."""
    counts = {}
    for table, column in SEALED:
        for (value,) in registry.execute(f"select {column} from {table} where {column} is not null"):
            number = int.from_bytes(bytes(value)[33:37], "big")
            counts[number] = counts.get(number, 0) + 1
    return counts


def dumped_keys(registry):
    """The same from a dump, by the form of what is sealed: 32 bytes of hash, flags, the number, a tag, a text."""
    text = subprocess.run(["pg_dump", "--data-only", "-d", registry.owner], check=True, capture_output=True, text=True).stdout
    found = re.findall(r"\\\\x[0-9a-f]{64}0[01]([0-9a-f]{8})(?:[0-9a-f]{2}){17,}", text)
    return {int(number, 16) for number in found}


def wait_resealed(daemons, key):
    until(f"all under key {key}", lambda: any(f"event=key-unused key={key - 1}" in daemon.log() for daemon in daemons), 120)


def test_a_key_is_rotated_under_load_with_two_daemons(registry):
    """Two files, as on two machines: one daemon has the new key well before the other."""
    files = [keys_of(registry, "one.keys"), keys_of(registry, "two.keys")]
    daemons = [registry.start(seal__keys=path) for path in files]
    schedule(daemons[0])
    fill(daemons[0], 400)
    before = seen(daemons[0])
    head = registry.execute("select log, head from log_head")[0][0]
    registrars = [Registrar(daemons[n % 2].address, registry.context("25PJ"), SESSION, numbers(f"{n}", 100000), depth=2)
                  for n in range(3)]
    for registrar in registrars:
        registrar.start()
    assert "sealing key 2 added" in seal_key("--add", files[0])
    assert daemons[0].reload()
    daemons[0].wait_log("event=key-waits key=2")
    assert set(by_key(registry)) == {1}, "a key seals before all have it"
    shutil.copy(files[0], files[1])
    assert daemons[1].reload()
    for daemon in daemons:
        daemon.wait_log("event=seals key=2")
    middle = seen(daemons[1])
    wait_resealed(daemons, 2)
    for registrar in registrars:
        registrar.stop()
        registrar.join(60)
        assert registrar.faults == [] and registrar.refused == [] and set(registrar.busy) <= {"overload"}
    assert set(by_key(registry)) == {2} and dumped_keys(registry) == {2}
    assert before == middle == seen(daemons[0]) == seen(daemons[1])
    log = registry.check_log()
    done = sum(len(registrar.acknowledged) for registrar in registrars)
    assert done > 100 and log >= head + done
    for daemon, path in zip(daemons, files):
        drop_key(registry, 1, path)
        assert daemon.reload()
        assert before == seen(daemon)


def test_resealing_takes_no_number_and_leaves_what_is_read(registry):
    path = keys_of(registry)
    daemon = registry.start(seal__keys=path)
    schedule(daemon)
    fill(daemon, 200)
    before, log = seen(daemon), told(registry)
    hashes = registry.execute("select substr(name, 1, 33) from registration order by entered")
    seal_key("--add", path)
    assert daemon.reload()
    wait_resealed([daemon], 2)
    assert re.search(r"event=resealed key=2 values=(\d+) failed=0 left=0", daemon.log())
    assert told(registry) == log
    registry.check_log()
    assert registry.execute("select substr(name, 1, 33) from registration order by entered") == hashes
    assert seen(daemon) == before and set(by_key(registry)) == {2}
    with daemon.connect("25LU") as college:
        assert college.ask("register", session=SESSION, student="L000002", name="Naam, 2", born="2008-03-14",
                           eckid=eckid(2)).get("repeated") == "yes"


def test_a_daemon_that_is_killed_amid_resealing_is_taken_over(registry):
    path = keys_of(registry)
    daemons = [registry.start(seal__keys=path), registry.start(seal__keys=path)]
    schedule(daemons[0])
    fill(daemons[0], 1500)
    before = seen(daemons[0])
    seal_key("--add", path)
    assert all([daemon.reload() for daemon in daemons])
    until("some are resealed", lambda: by_key(registry).get(2, 0) > 50)
    daemons[0].stop(signal.SIGKILL)
    counts = by_key(registry)
    assert set(counts) == {1, 2}, f"it was over too early to prove anything: {counts}"
    daemons[1].stop(signal.SIGKILL)
    daemon = registry.start(seal__keys=path)
    wait_resealed([daemon], 2)
    assert set(by_key(registry)) == {2} and seen(daemon) == before


def test_a_value_that_does_not_open_is_told_and_keeps_its_key(registry):
    path = keys_of(registry)
    daemon = registry.start(seal__keys=path)
    schedule(daemon)
    fill(daemon, 3)
    registry.execute("""update registration set name = set_byte(name, length(name) - 1, get_byte(name, length(name) - 1) # 1)
                        where entered = (select min(entered) from registration)""")
    registry.excused.append("event=reseal-failed column=name")
    seal_key("--add", path)
    assert daemon.reload()
    daemon.wait_log(r"event=reseal-failed column=name row=.* reason=\"the value does not open\"")
    until("the walk waits", lambda: registry.execute("select rest > now() + interval '50 minutes' from sealing")[0][0])
    assert by_key(registry)[1] == 1 and "event=key-unused" not in daemon.log()
    seal_key("--drop", "1", "--offline", path)
    assert not daemon.reload()
    registry.excused.append("event=reload-refused")
    assert "sealing key 1 is missing or another, and may still be needed" in daemon.log()


def test_other_keys_than_the_registry_s_are_refused(registry):
    path, wrong = keys_of(registry), f"{registry.folder}/wrong.keys"
    daemon = registry.start(seal__keys=path)
    schedule(daemon)
    seal_key(wrong)

    def refused(keys, reason):
        other = registry.start(wait=False, seal__keys=keys)
        assert other.wait() == 78
        assert re.search(rf'event=keys-refused connection=write reason="{reason}', other.log()), other.log()
        registry.daemons.remove(other)

    refused(wrong, "matching key: the registry's is another")
    seal_key("--add", path)
    lines = open(path, encoding="ascii").read().splitlines()
    assert daemon.reload()
    daemon.wait_log("event=seals key=2")
    with open(wrong, "w", encoding="ascii") as file:  # another key under the same number
        file.write("\n".join([*lines[:2], lines[2][:-1] + ("0" if lines[2][-1] != "0" else "1"), ""]))
    refused(wrong, "sealing key 2: the registry knows another under that number")
    with open(wrong, "w", encoding="ascii") as file:
        file.write("\n".join([*lines[:2], ""]))
    refused(wrong, "sealing key 2: it is missing, and may still be needed")
    seal_key("--add", wrong)  # key 2 of its own
    refused(wrong, "sealing key 2: the registry knows another under that number")


def test_a_reload_does_not_take_another_matching_key(registry):
    path = keys_of(registry)
    daemon = registry.start(seal__keys=path)
    os.unlink(path)
    seal_key(path)
    assert not daemon.reload()
    registry.excused.append("event=reload-refused")
    assert "the matching key is another: that takes `buurtaald rekey`, and a restart" in daemon.log()


def test_a_reload_whose_new_key_the_registry_knows_otherwise_goes_back(registry):
    """Two machines that each made a key 2 of their own: the second is told so, and serves on."""
    files = [keys_of(registry, "one.keys"), keys_of(registry, "two.keys")]
    daemons = [registry.start(seal__keys=path) for path in files]
    schedule(daemons[0])
    fill(daemons[1], 30)
    registrar = Registrar(daemons[1].address, registry.context("25PJ"), SESSION, numbers("w", 100000), depth=2)
    registrar.start()
    for path in files:
        seal_key("--add", path)
    registry.excused += ["event=keys-refused", "event=reload-refused"]
    assert daemons[0].reload()
    daemons[0].wait_log("event=key-waits key=2")
    assert daemons[1].reload()  # which is not yet known
    daemons[1].wait_log('event=reload-refused reason="\\[seal\\] keys: sealing key 2: the registry knows another under that number')
    before = len(registrar.acknowledged)
    until("it serves on", lambda: len(registrar.acknowledged) > before + 20)
    registrar.stop()
    registrar.join(60)
    assert registrar.faults == [] and registrar.refused == [] and registrar.busy == {}
    assert "database-down" not in daemons[1].log() and set(by_key(registry)) == {1}
    assert seen(daemons[1]) == seen(daemons[0])
    shutil.copy(files[0], files[1])
    assert daemons[1].reload()
    wait_resealed(daemons, 2)
    assert seen(daemons[1]) == seen(daemons[0]) and set(by_key(registry)) == {2}


def test_a_file_of_keys_keeps_what_is_its_own_when_it_changes(registry):
    path = keys_of(registry)
    with open(path, "a", encoding="ascii") as file:
        file.write("# kept in the safe\n")
    os.chmod(path, 0o400)
    before = open(path, encoding="ascii").read()
    seal_key("--add", path)
    after = open(path, encoding="ascii").read()
    assert after.startswith(before) and re.fullmatch(r"seal 2 [0-9a-f]{128}\n", after[len(before):])
    assert os.stat(path).st_mode & 0o7777 == 0o400 and not os.path.exists(f"{path}.new")
    assert "no sealing key 7" in drop_key(registry, 7, path, status=73)
    assert "2 is the newest, which seals all that comes" in seal_key("--drop", "2", "--offline", path, status=73)
    assert open(path, encoding="ascii").read() == after
    seal_key("--drop", "1", "--offline", path)
    assert "the only sealing key" in seal_key("--drop", "2", "--offline", path, status=73)
    for _ in range(15):
        seal_key("--add", path)
    assert "16 sealing keys already" in seal_key("--add", path, status=73)
    assert "--offline belongs to seal-key --drop" in seal_key("--offline", path, status=64)
    assert "belongs to seal-key" in subprocess.run([PROGRAM, "--add"], capture_output=True, text=True).stderr


def test_a_key_that_the_registry_may_need_is_not_dropped(registry):
    path = keys_of(registry)
    daemon = registry.start(seal__keys=path)
    schedule(daemon)
    fill(daemon, 3)
    daemon.stop(signal.SIGKILL)  # nobody is there to seal anew
    seal_key("--add", path)
    both = open(path, encoding="ascii").read()
    assert "sealing key 1: it is missing, and may still be needed; the file stays" in drop_key(registry, 1, path, status=69)
    with daemon_of(registry, path) as daemon:
        daemon.wait_log("event=seals key=2")
        assert "sealing key 2: it is missing, and may still be needed" in drop_key(registry, 2, path, status=69)
        wait_resealed([daemon], 2)
        assert open(path, encoding="ascii").read() == both
        drop_key(registry, 1, path)
        assert daemon.reload()
    with daemon_of(registry, path) as daemon:
        assert len(seen(daemon)[0]) == 3


def test_a_daemon_knows_which_key_seals_before_it_takes_connections(registry):
    """Else what comes first would be sealed with the oldest of its file, and refused."""
    path = keys_of(registry)
    daemon = registry.start(seal__keys=path)
    seal_key("--add", path)
    assert daemon.reload()
    wait_resealed([daemon], 2)
    daemon.stop()
    for _ in range(3):
        with daemon_of(registry, path) as daemon:
            log = daemon.log()
            assert 0 < log.find("event=seals key=2") < log.index("event=ready")


def test_a_key_that_daemons_have_read_is_not_dropped_before_it_seals(registry):
    """Two daemons of which one has it: it does not seal yet, but will."""
    files = [keys_of(registry, "one.keys"), keys_of(registry, "two.keys")]
    daemons = [registry.start(seal__keys=path) for path in files]
    for _ in range(3):
        seal_key("--add", files[0])
    drop_key(registry, 2, files[0])  # nobody has read it
    assert daemons[0].reload()
    daemons[0].wait_log("event=key-waits key=4")
    assert "sealing key 3: a daemon that is connected has it" in drop_key(registry, 3, files[0], status=69)


def test_where_the_registry_cannot_be_asked_a_key_stays_unless_that_is_wished(registry):
    path, wrong = keys_of(registry), f"{registry.folder}/wrong.keys"
    registry.start(seal__keys=path).stop()
    seal_key(wrong)
    for file in (path, wrong):
        seal_key("--add", file)
    both = open(path, encoding="ascii").read()
    away = {"database__write": "host=/nowhere dbname=none user=buurtaald"}
    assert "--offline drops the key all the same" in drop_key(registry, 1, path, status=69, **away)
    assert "-f FILE; --offline" in seal_key("--drop", "1", path, status=78) or os.path.exists("/etc/buurtaal/buurtaald.conf")
    assert "matching key: the registry's is another" in drop_key(registry, 1, wrong, status=69)
    assert open(path, encoding="ascii").read() == both
    assert "sealing key 1 is out" in drop_key(registry, 1, path, "--offline", **away)


# ---- a new matching key


def rekey(registry, path, status=0, start=False):
    process = subprocess.Popen([PROGRAM, "-f", registry.configure("rekey.conf", seal__keys=path), "rekey"],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if start:
        return process
    out, err = process.communicate(timeout=300)
    assert process.returncode == status, (out, err)
    return out + err


def matching(path):
    return re.search(r"^match (\S+)$", open(path, encoding="ascii").read(), re.M)[1]


def hashes(registry):
    """Every hash under the matching key that the registry holds, sorted by what it belongs to."""
    return (registry.execute("select student_hash from student order by person") +
            registry.execute("select substr(student, 1, 32) from student order by person") +
            registry.execute("select eckid_hash from eckid order by person") +
            registry.execute("select substr(name, 1, 32) from registration order by entered"))


def sampled(registry):
    """Hashes that the planner's samples hold."""
    rows = registry.execute("select most_common_vals::text || histogram_bounds::text, most_common_vals::text, histogram_bounds::text "
                            "from pg_stats where schemaname = 'registry'")
    return {digits for row in rows for text in row if text for digits in re.findall(r"\\x([0-9a-f]{64})", text)}


def test_a_rekey_changes_every_hash_and_nothing_that_is_read(registry):
    path = keys_of(registry)
    old = keys_of(registry, "old.keys")
    daemon = registry.start(seal__keys=path)
    schedule(daemon)
    fill(daemon, 300)
    line = encode("register", {"session": SESSION, "student": "B1", "name": "Blok", "born": 2008})
    with daemon.connect("25PJ") as college:
        assert send_block(college, [line], name="block")[2].ok
    before, log = seen(daemon), told(registry)
    then = hashes(registry)
    registry.execute("analyze")
    assert len(sampled(registry) & {bytes(row[0]).hex() for row in then}) > 100
    assert "daemons are connected" in rekey(registry, path, status=69)
    assert "next" not in open(path, encoding="ascii").read() and hashes(registry) == then
    daemon.stop()
    assert re.match(r"301 registrations, \d+ values under a new matching key in \d+\.\d s\n", rekey(registry, path))
    assert matching(path) != matching(old) and "next" not in open(path, encoding="ascii").read()
    now = hashes(registry)
    assert not sampled(registry) & {bytes(row[0]).hex() for row in then}
    assert len(now) == len(then) and not {bytes(row[0]) for row in now} & {bytes(row[0]) for row in then}
    assert registry.execute("select to_regclass('registry.rekeyed'), to_regclass('registry.rekeyed_value')") == [(None, None)]
    stale = registry.start(wait=False, seal__keys=old)
    assert stale.wait() == 78 and "matching key: the registry's is another" in stale.log()
    registry.daemons.remove(stale)
    daemon = registry.start(seal__keys=path)
    assert seen(daemon) == before and told(registry) == log
    with daemon.connect("25LU") as college, daemon.connect("25PJ") as other:
        assert college.ask("register", session=SESSION, student="L000002", name="Naam, 2", born="2008-03-14",
                           eckid=eckid(2)).get("repeated") == "yes"
        assert college.ask("register", session=SESSION, student="L999999", name="Naam, 9", born="2008-03-14",
                           eckid=eckid(2)).ok  # the same person, by the other key
        assert len(college.must("registrations", student="L000003").rows) == 1
        _, lines, commit = send_block(other, [line], name="block")  # of before: it runs again, and says so line by line
        assert commit.ok and commit.get("repeated") is None and lines[0].get("repeated") == "yes"
        assert send_block(other, [line], name="block")[2].get("repeated") == "yes"
    assert registry.execute("select count(*), count(distinct person) from student") == [(302, 301)]
    registry.check_log()


def test_a_rekey_that_is_killed_anywhere_leaves_the_old_or_the_new_and_is_ended_by_another(registry):
    path = keys_of(registry)
    daemon = registry.start(seal__keys=path)
    schedule(daemon)
    fill(daemon, 1000)
    before = seen(daemon)
    daemon.stop()
    random = dice("rekey")
    begun = time.monotonic()
    rekey(registry, path)
    whole = time.monotonic() - begun
    left = set()
    for n in range(8):
        then, key = hashes(registry), matching(path)
        process = rekey(registry, path, start=True)
        time.sleep(random.uniform(0, whole * 1.1) if n else whole * 0.5)
        process.kill()
        process.communicate()
        until("the backend is gone", lambda: registry.execute(
            "select count(*) from pg_stat_activity where application_name = 'buurtaald migrate'")[0][0] == 0)
        changed, waits = hashes(registry) != then, "next" in open(path, encoding="ascii").read()
        left.add((changed, waits))
        assert not changed or waits or matching(path) != key
        said = rekey(registry, path)
        assert ("an earlier rekey had changed the registry" in said) == (changed and waits)
        daemon = registry.start(seal__keys=path)
        assert seen(daemon) == before
        daemon.stop()
    assert (False, True) in left, f"never killed in its midst: {left}"
    registry.check_log()


def test_a_rekey_that_was_committed_while_its_file_was_not_ends_by_another(registry):
    """The moment that a kill hardly ever finds: between the commit and the file."""
    path = keys_of(registry)
    daemon = registry.start(seal__keys=path)
    schedule(daemon)
    fill(daemon, 20)
    before = seen(daemon)
    daemon.stop()
    old = open(path, encoding="ascii").read()
    rekey(registry, path)
    new, key = open(path, encoding="ascii").read(), matching(path)
    with open(path, "w", encoding="ascii") as file:  # as it was then: both keys
        file.write(old + f"next {key}\n")
    stopped = registry.start(wait=False, seal__keys=path)
    assert stopped.wait() == 78 and "when that was cut short, run it again" in stopped.log()
    registry.daemons.remove(stopped)
    assert "an earlier rekey had changed the registry" in rekey(registry, path)
    assert sorted(open(path, encoding="ascii").read().split("\n")) == sorted(new.split("\n"))
    daemon = registry.start(seal__keys=path)
    assert seen(daemon) == before


def test_a_rekey_refuses_what_is_not_the_registry_s_or_does_not_open(registry):
    path, wrong = keys_of(registry), f"{registry.folder}/wrong.keys"
    daemon = registry.start(seal__keys=path)
    schedule(daemon)
    fill(daemon, 20)
    daemon.stop()
    seal_key(wrong)
    assert "its matching key is not this registry's" in rekey(registry, wrong, status=69)
    then = hashes(registry)
    registry.execute("""update registration set born = set_byte(born, length(born) - 1, get_byte(born, length(born) - 1) # 1)
                        where entered = (select max(entered) from registration)""")
    assert "a value of column born does not open" in rekey(registry, path, status=69)
    assert hashes(registry) == then
