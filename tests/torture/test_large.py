"""`buurtaal submit --mode good` takes a file of any size: client and daemon need no more memory for many rows than for few."""
from harness.cluster import Cluster
from harness.registry import day, high_water, until
from harness.tool import Tool

FEW, MANY = 5_000, 100_000
SESSIONS = 8
KILOBYTES = 4096  # that a peak may differ


def write(path, numbers, sound=lambda n: n % 1000):
    with open(path, "w", encoding="utf-8") as file:
        file.write("Deelnemernummer;Achternaam;Voornamen;Geboortedatum;Sessie;\n")
        for n in numbers:
            born = f"{n % 28 + 1:02}-{n % 12 + 1:02}-2009" if sound(n) else f"onbekend {n}"  # each is told
            file.write(f"L{n};van der Graaf;Jacobus Adrianus;{born};S{n % SESSIONS};\n")
    return str(path)


def submit(tool, path, *options, wanted=1):
    """The client's peak, near its end, and what it said."""
    seen = [0]
    with open(f"{path}.said", "w+", encoding="utf-8") as said:
        process = tool.start("submit", "--yes", *options, path, stdout=said)
        until(f"the end of {path}", lambda: not seen.append(high_water(process.pid)) and process.poll() is not None, 600)
        said.seek(0)
        text = said.read()
    assert process.returncode == wanted, text[-1000:]
    return max(kilobytes for kilobytes in seen if kilobytes), text


def test_memory_is_the_same_for_few_rows_and_for_many(tmp_path):
    with Cluster("large") as cluster:
        registry = cluster.world.copy(tmp_path, cluster.world.founded)
        try:
            submit_both(registry, registry.start(), tmp_path)
        finally:
            problems = registry.stop_all()
        assert problems == []


def submit_both(registry, daemon, folder):
    with daemon.connect("DIB") as exams:
        for n in range(SESSIONS):
            exams.must("schedule", session=f"S{n}", exam="DIB-A2", date=day(200), seats=MANY, place="Emmen", host="25LU")
    tool = Tool(registry, daemon.address, "25LU")
    peaks = []
    wrong, said = submit(tool, write(folder / "wrong.csv", range(MANY), lambda n: False), "--dry-run", wanted=2)
    assert said.count("[date]") == MANY
    for name, numbers in (("few", range(FEW)), ("many", range(FEW, FEW + MANY))):
        client, said = submit(tool, write(folder / f"{name}.csv", numbers))  # of which a row in a thousand is refused
        assert f"{len(numbers)} rijen: {len(numbers) - len(numbers) // 1000} met plaats" in said, said[-500:]
        peaks.append((client, high_water(daemon.pid)))
    print("torture peaks-kb", *peaks[0], *peaks[1])
    assert all(many < few + KILOBYTES for few, many in zip(*peaks)), peaks
    assert wrong < peaks[0][0] + KILOBYTES, wrong
    assert registry.execute("select count(*) from registration") == [(FEW + MANY - (FEW + MANY) // 1000,)]
    assert len((folder / "many.refused.csv").read_text(encoding="utf-8").splitlines()) == 1 + MANY // 1000
