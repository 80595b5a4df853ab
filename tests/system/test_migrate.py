"""`buurtaald migrate` and `clock`, each test on a new and empty database: safe to repeat, to run at once and to be refused in the
middle; and the daemon's role may do what it must and nothing else."""
import os
import re
import subprocess
import uuid

import psycopg2
import psycopg2.errors
import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = f"{ROOT}/build/buurtaald"
SCHEMA = sorted(os.listdir(f"{ROOT}/sql/schema"))
FINGERPRINT = "0a" * 32
BORDER = {"batch_open", "write_open", "read_open", "log_append", "admit", "news", "submitted", "commit", "signatures",
          "keys_open", "key_drop", "reseal_next", "reseal", "watch"}


def with_database(conninfo, name):
    return re.sub(r"dbname=\S+", f"dbname={name}", conninfo)


class Database:
    """An empty database, and a configuration that names it."""

    def __init__(self, folder):
        self.name = f"migrate_{uuid.uuid4().hex[:12]}"
        self.owner = with_database(os.environ["BUURTAAL_DB_OWNER"], self.name)
        self.write = with_database(os.environ["BUURTAAL_DB_WRITE"], self.name)
        self.config = f"{folder}/{self.name}.conf"
        with open(self.config, "w", encoding="utf-8") as file:
            file.write("[tls]\ncertificate = a\nkey = b\nca = c\n[seal]\nkeys = d\n"
                       f"[database]\nwrite = {self.write}\nowner = {self.owner}\n")
        self.elsewhere(f"create database {self.name}")

    def elsewhere(self, sql):
        execute(os.environ["BUURTAAL_DB_OWNER"], sql)

    def drop(self):
        self.elsewhere(f"drop database {self.name} with (force)")

    def argv(self, *arguments):
        return [PROGRAM, "-f", self.config, *arguments]

    def run(self, *arguments, status=0):
        done = subprocess.run(self.argv(*arguments), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=60, check=False)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout if status == 0 else done.stderr

    def start(self, *arguments):
        return subprocess.Popen(self.argv(*arguments), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def ask(self, sql, *values):
        return execute(self.owner, sql, *values)

    def ask_as_daemon(self, sql, *values):
        return execute(self.write, sql, *values)

    def api(self):
        return "api_" + self.run("--version").split()[-1]

    def catalogue(self):
        """Whatever a second run could have made anew or changed."""
        return self.ask("select oid, relname, relowner::regrole::text, relacl::text from pg_class "
                        "where relnamespace = 'registry'::regnamespace union all "
                        "select oid, proname, proowner::regrole::text, proacl::text from pg_proc "
                        "where pronamespace = %s::regnamespace order by 1", self.api())


def execute(conninfo, sql, *values):
    connection = psycopg2.connect(conninfo)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql, values or None)
            return cursor.fetchall() if cursor.description else None
    finally:
        connection.close()


@pytest.fixture
def databases(tmp_path):
    made = []

    def make():
        made.append(Database(tmp_path))
        return made[-1]
    yield make
    for database in made:
        database.drop()


@pytest.fixture
def database(databases):
    return databases()


def commands(database):
    """The names of the functions that the daemon's statements call."""
    return {verb.replace("-", "_") for verb in re.findall(r"^-- (\S+)$", database.run("--statements"), re.M)}


# --- Repeating

def test_the_second_time_changes_nothing(database):
    first = database.run("migrate")
    assert re.findall("^applied sql/schema/(.*)$", first, re.M) == SCHEMA and f"built {database.api()}" in first
    before = database.catalogue()
    assert database.run("migrate") == f"up to date: tables, and {database.api()}\n"
    assert database.catalogue() == before
    assert database.ask("select count(*) from registry.api") == [(1,)]
    assert database.run("migrate", "--admin", FINGERPRINT) == f"{FINGERPRINT[:16]}... is an administrator's certificate\n"
    assert database.run("migrate", "--admin", FINGERPRINT) == (
        f"{FINGERPRINT[:16]}... was an administrator's certificate already\nup to date: tables, and {database.api()}\n")


def test_many_at_once_are_as_one(databases):
    """In one database they wait for each other; in others they make the same roles."""
    all_of_them = [databases() for _ in range(3)]
    running = [(database, database.start("migrate", "--admin", FINGERPRINT)) for database in all_of_them for _ in range(4)]
    built = {database.name: 0 for database in all_of_them}
    for database, process in running:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        built[database.name] += out.count("built api_")
    assert set(built.values()) == {1}
    for database in all_of_them:
        assert database.ask("select log, outcome from registry.audit order by log") == [
            (1, "OK"), (2, "OK repeated"), (3, "OK repeated"), (4, "OK repeated")]


# --- Refusals

def test_a_file_that_was_changed_after_it_had_been_applied_is_refused(database):
    database.run("migrate")
    before = database.catalogue()
    database.ask("update registry.migration set sha256 = sha256('x') where name = %s", SCHEMA[0])
    assert f"sql/schema/{SCHEMA[0]}: its text was changed after it had been applied" in database.run("migrate", status=69)
    assert database.catalogue() == before


def test_a_file_that_comes_before_an_applied_one_is_refused(database):
    database.run("migrate")
    database.ask("update registry.migration set name = '9999-later.sql' where name = %s", SCHEMA[-1])
    told = database.run("migrate", status=69)
    assert f"sql/schema/{SCHEMA[-1]}: it is new, but 9999-later.sql" in told


def test_a_schema_file_that_fails_leaves_nothing(database):
    database.run("migrate")
    database.ask("drop schema registry cascade; create schema registry authorization buurtaal_owner; "
                 "create table registry.institution (x integer)")
    told = database.run("migrate", status=69)
    assert f'sql/schema/{SCHEMA[0]}: relation "institution" already exists (42P07)' in told
    assert database.ask("select relname from pg_class where relnamespace = 'registry'::regnamespace and relkind = 'r' "
                        "and relname <> 'migration'") == [("institution",)]
    database.ask("drop table registry.institution")
    assert database.run("migrate") == "".join(f"applied sql/schema/{name}\n" for name in SCHEMA)


def test_an_api_that_fails_in_the_middle_is_undone(database):
    """A trigger lets no function be made once ten are there, which is in the midst of the files."""
    database.ask("""
        create function public.refuse() returns event_trigger language plpgsql as $$
        begin
            if (select count(*) from pg_proc where pronamespace::regnamespace::text like 'api_%') >= 10 then
                raise exception 'no more functions';
            end if;
        end $$;
        create event trigger refuse on ddl_command_end when tag in ('CREATE FUNCTION') execute function public.refuse()""")
    told = database.run("migrate", status=69)
    assert re.search(r"sql/api/\S+\.sql: no more functions \(P0001\)", told), told
    assert database.ask("select count(*) from pg_namespace where nspname like 'api%%'") == [(0,)]
    assert database.ask("select count(*) from registry.api") == [(0,)]
    database.ask("drop event trigger refuse; drop function public.refuse()")
    assert "built api_" in database.run("migrate")


def test_an_api_with_a_body_that_its_language_refuses_is_undone(database):
    """A trigger makes one more function in the new schema, with a body that says nothing sensible."""
    for language, body, said in (("plpgsql", "begin\n    return 1\nend", "line 3 of its body: syntax error"),
                                 ("sql", "select 1;\nselect no_such_column", "line 2 of its body: column")):
        database.ask(f"""
            create function public.add_one() returns event_trigger language plpgsql as $f$
            begin
                if to_regproc(current_schema || '.broken') is null then
                    create function broken() returns integer language {language} as $$ {body} $$;
                end if;
            end $f$;
            create event trigger add_one on ddl_command_end when tag in ('CREATE FUNCTION') execute function public.add_one()""")
        told = database.run("migrate", status=69)
        assert f"broken(), {said}" in told, told
        assert database.ask("select count(*) from pg_namespace where nspname like 'api%%'") == [(0,)]
        database.ask("drop event trigger add_one; drop function public.add_one()")
    assert "built api_" in database.run("migrate")


def test_an_owner_without_the_rights_is_told_which(database):
    database.run("migrate")
    with open(database.config, encoding="utf-8") as file:
        text = file.read()
    with open(database.config, "w", encoding="utf-8") as file:
        file.write(text.replace(f"owner = {database.owner}", f"owner = {database.write}"))
    told = database.run("migrate", status=69)
    assert "make the role buurtaald owner of the database and give it CREATEROLE" in told, told


def test_what_cannot_be_reached_is_told(database, tmp_path):
    path = tmp_path / "other.conf"
    text = open(database.config, encoding="utf-8").read()
    path.write_text(text.replace(f"owner = {database.owner}\n", ""))
    done = subprocess.run([PROGRAM, "-f", path, "migrate"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (78, f"buurtaald: {path}: [database] owner: must be given for migrate\n")
    path.write_text(text.replace(f"owner = {database.owner}", "owner = host=/nowhere dbname=x"))
    done = subprocess.run([PROGRAM, "-f", path, "migrate"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 69 and "[database] owner:" in done.stderr and "/nowhere" in done.stderr


def test_the_command_line_is_read_strictly(database):
    for arguments in (["migrate", "x"], ["migrate", "--admin", "0a0a"], ["migrate", "--admin"], ["migrate", "--admin", "x" * 64],
                      ["--demo"], ["clock"], ["clock", "a", "b"], ["-t", "migrate"], ["sing"], ["--loud"],
                      ["migrate", "--demo", "--demo"], ["--version", "--help"], ["seal-key"]):
        told = database.run(*arguments, status=64)
        assert told.startswith("buurtaald: ") and "usage:" in told, arguments


# --- What the daemon's role may

def test_the_daemon_may_execute_its_functions_and_nothing_else(database):
    database.run("migrate", "--demo", "--admin", FINGERPRINT)
    api = database.api()
    rows = database.ask("select proname, has_function_privilege('buurtaald', oid, 'execute'), prosecdef, proconfig::text, "
                        "proowner::regrole::text from pg_proc where pronamespace = %s::regnamespace", api)
    assert {name for name, may, *_ in rows if may} == commands(database) | BORDER
    for name, may, definer, settings, owner in rows:
        assert definer == may, name
        assert (f'"search_path={api}, registry, public, pg_temp"' in (settings or "")) == may, (name, settings)
        assert owner == "buurtaal_owner"
    assert database.ask("select relname from pg_class where relnamespace = 'registry'::regnamespace and relkind in ('r', 'S', 'v') "
                        "and (has_table_privilege('buurtaald', oid, 'select, insert, update, delete, truncate, references, "
                        "trigger') or has_any_column_privilege('buurtaald', oid, 'select, insert, update'))") == []
    assert database.ask_as_daemon(f"select code from {api}.admit(sha256('x'), 0)") == [("not-granted",)]


FORBIDDEN = [
    "select * from registry.audit", "select * from registry.student", "delete from registry.access",
    "update registry.demo set ahead = '1 day'", "create table x (y integer)", "create table public.x (y integer)",
    "create temporary table x (y integer)", "create schema x", "set role buurtaal_owner", "set session authorization postgres",
    "select {api}.recount(array[1::bigint], array[1::bigint])", "select * from {api}.speaker('x')",
    "create function {api}.x() returns integer language sql as 'select 1'", "drop function {api}.admit(bytea, bigint)",
    "alter role buurtaald superuser",
]


def test_the_daemon_may_not_do_anything_else(database):
    database.run("migrate", "--demo")
    api = database.api()
    for sql in FORBIDDEN:
        with pytest.raises((psycopg2.errors.InsufficientPrivilege, psycopg2.errors.InvalidSchemaName)):
            database.ask_as_daemon(sql.format(api=api))
            print(f"allowed: {sql}")


# --- The first administrator

def test_the_first_administrator_is_granted_as_any_other(database):
    printed = ":".join(["0A"] * 32)
    assert "0a0a0a0a0a0a0a0a... is an administrator's certificate" in database.run("migrate", "--admin", printed)
    assert database.ask_as_daemon(f"select code, party, role, log from {database.api()}.admit(decode(%s, 'hex'), 0)",
                                  FINGERPRINT) == [(None, "ADMIN", "admin", 1)]
    assert database.ask("select log, party, encode(certificate, 'hex'), origin, verb, fields, outcome from registry.audit") == [
        (1, "registry", "00" * 32, "migrate", "grant", f"party=ADMIN role=admin fingerprint={FINGERPRINT}", "OK")]
    assert database.ask("select h.log, h.head = l.head from registry.head h, registry.log_head l") == [(1, True)]
    assert database.ask("select party, role, encode(fingerprint, 'hex'), granted, revoked from registry.access") == [
        ("ADMIN", "admin", FINGERPRINT, 1, None)]


def test_a_certificate_that_was_revoked_or_is_another_s_is_refused(database):
    database.run("migrate", "--admin", FINGERPRINT)
    database.ask("update registry.access set party = 'OTHER'")
    assert "speaks for another party already" in database.run("migrate", "--admin", FINGERPRINT, status=69)
    database.ask("insert into registry.revoked_fingerprint values (decode(%s, 'hex'), 1)", FINGERPRINT)
    assert "was revoked, and a revoked one is never granted again" in database.run("migrate", "--admin", FINGERPRINT, status=69)
    assert database.ask("select log, outcome from registry.audit order by log") == [
        (1, "OK"), (2, "NO taken"), (3, "NO revoked")]


# --- The clock of a demo

def test_only_a_demo_lets_its_clock_be_set(database):
    database.run("migrate", "--admin", FINGERPRINT)
    assert "only a registry that was made with `migrate --demo`" in database.run("clock", "2031-04-02", status=69)
    assert "has a log already" in database.run("migrate", "--demo", status=69)


def test_the_clock_of_a_demo_is_set_to_a_day_and_back(database):
    database.run("migrate", "--demo")
    assert database.run("migrate", "--demo").startswith("up to date")
    assert database.run("clock", "2031-04-02").startswith("the registry's clock says 2031-04-02 ")
    database.run("migrate", "--admin", FINGERPRINT)
    assert database.ask("select (time at time zone 'Europe/Amsterdam')::date::text from registry.audit") == [("2031-04-02",)]
    assert "the newest write is of a later time" in database.run("clock", "now")
    assert database.ask("select ahead = '0' from registry.demo") == [(True,)]
    for wrong in ("2031-02-30", "tomorrow?", ""):
        assert "clock takes one date" in database.run("clock", wrong, status=64)


# --- Apis of other versions

def test_an_api_that_no_daemon_has_used_for_a_day_goes(database):
    database.run("migrate")
    for name, used in (("api_old", "25 hours"), ("api_lately", "23 hours")):
        database.ask(f"create schema {name} authorization buurtaal_owner; "
                     f"create function {name}.admit() returns integer language sql as 'select 1'; "
                     f"alter function {name}.admit() owner to buurtaal_owner; "
                     f"insert into registry.api (name, used) values ('{name}', now() - interval '{used}')")
    database.ask("update registry.api set used = now() - interval '3 days' where name = %s", database.api())
    assert database.run("migrate") == "dropped api_old, which no daemon has used for a day\n"
    assert database.ask("select name from registry.api order by name") == sorted([("api_lately",), (database.api(),)])
    assert database.ask("select count(*) from pg_namespace where nspname = 'api_old'") == [(0,)]
    assert database.ask("select used > now() - interval '1 minute' from registry.api where name = %s", database.api()) == [(True,)]
