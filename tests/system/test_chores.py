"""The registry's own chores beside the writes of clients: several daemons do each once, none waits for a batch that runs,
and a chore that fails takes nothing with it."""
import psycopg2

from harness.registry import day, until


def schedule(daemon, session):
    """A session that closes within days, so that its deadline is to be told."""
    with daemon.connect("DIB") as exams:
        exams.must("schedule", session=session, exam="DIB-A2", date=day(40), closes=day(5), seats=3, place="Assen", host="25LU")


def told(registry):
    return registry.execute("select session from inbox where notice = 'deadline-near' order by log, place")


def wait_news(registry):
    """Until a daemon has asked for news: it notes that its api is in use."""
    registry.execute("update api set used = now() - interval '2 minutes'")
    until("news", lambda: registry.execute("select used > now() - interval '1 minute' from api")[0][0])


def test_two_daemons_do_a_chore_once_and_wait_for_nobody(registry):
    daemons = [registry.start() for _ in range(2)]
    batch = psycopg2.connect(registry.owner)
    batch.cursor().execute("select from registry.log_head for update")
    registry.execute("insert into session (session, exam, date, closes, seats, place, host, state, log) "
                     "values ('S', 'DIB-A2', %s, %s, 3, 'Assen', '25LU', 'scheduled', 1)", day(40), day(5))
    for _ in range(4):
        wait_news(registry)
    assert told(registry) == []
    batch.close()
    until("the chore is done", lambda: told(registry) == [("S",)])
    for number, daemon in enumerate(daemons):
        schedule(daemon, f"S{number}")
    until("the next ones are done", lambda: len(told(registry)) == 3)
    assert sorted(told(registry)) == [("S",), ("S0",), ("S1",)]
    registry.check_log()


def test_a_chore_that_fails_stops_no_news_and_is_in_the_daemon_s_log(registry):
    registry.execute("""
        create function registry.refuse() returns trigger language plpgsql as $$
        begin
            raise exception 'no more notices';
        end $$;
        create trigger refuse before insert on registry.inbox for each row execute function registry.refuse()""")
    registry.excused.append("no more notices")
    daemon = registry.start()
    schedule(daemon, "S")
    daemon.wait_log(r'event=chore reason="remind: no more notices \(P0001\), PL/pgSQL function refuse\(\) line 3 at RAISE"')
    with daemon.connect("25PJ") as college, daemon.connect("ADMIN") as admin:
        admin.must("revoke", fingerprint=registry.world.identities["25PJ"].fingerprint)
        assert college.last_words() == "revoked"
    assert told(registry) == []
    registry.check_log()
