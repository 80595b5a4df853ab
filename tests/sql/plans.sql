-- What a college asks every day costs by its own rows, however many there are of others.
begin;
select plan(16);
set local track_functions = 'pl';
update demo set ahead = '2027-03-01T12:00:00Z' - statement_timestamp();
insert into institution (code, name, kind, country, log)
select 'C' || n, 'n', 'college', 'NL', 0 from generate_series(1, 50) n;
insert into exam select 'X' || n, 'C1', 'de', 'A2', true, '1', null, null, 0 from generate_series(1, 20) n;
insert into session (session, exam, date, seats, taken, place, host, state, log)
select 'S' || n, 'X1', '2027-05-14', 200, 200, 'x', 'C2', 'scheduled', 0 from generate_series(1, 50) n;
select tests.contingents_make();
insert into student
select 'C' || 1 + n % 50, substr(tests.sealed('student', n::text), 1, 32), tests.sealed('student', n::text), n
from generate_series(1, 10000) n;
insert into registration (session, college, student_hash, again, person, state, entered, name, born, log)
select 'S' || 1 + n / 200 % 50, 'C' || 1 + n % 50, substr(tests.sealed('student', n::text), 1, 32), 1, n, 'seated', n,
       tests.sealed('name', 'n'), tests.sealed('born', '2009'), 0
from generate_series(1, 10000) n;
insert into cell (cell, year, language, institution, province, level, exam, month, registered, own_registered)
select 1000 + row_number() over (), 2027, 'de', 'C' || college, '', 'A2', 'X' || exam, '2027-05-01', 1, 1
from generate_series(1, 50) college, generate_series(2, 20) exam;
insert into elective (code, title, language, receptive, productive, log) values ('K1', 'x', 'de', 'A2', 'A2', 0);
insert into offer select 'K1', 1990 + year, 'C' || college, 1, 'offered', 1, null, 0
from generate_series(1, 50) college, generate_series(1, 20) year;
analyze;

-- Rows of registrations and students that were read one by one, with no index, while a line was answered.
create function pg_temp.read_through(party text, role text, line text) returns bigint language plpgsql as $$
declare
    before bigint := pg_stat_get_xact_tuples_returned('registration'::regclass)
                     + pg_stat_get_xact_tuples_returned('student'::regclass);
begin
    perform tests.say(party, role, line);
    return pg_stat_get_xact_tuples_returned('registration'::regclass)
           + pg_stat_get_xact_tuples_returned('student'::regclass) - before;
end
$$;
select is(pg_temp.read_through('C1', 'roc', 'registrations student=50'), 0::bigint, 'one student of its own');
select is(pg_temp.read_through('C1', 'roc', 'registrations session=S1'), 0::bigint, 'its own at a session');
select is(pg_temp.read_through('C2', 'roc', 'registrations session=S1'), 0::bigint, 'and whom it hosts');
select is((select count(*) from tests.call('C1', 'roc', array['registrations student=50 limit=5'])), 1::bigint,
          'which is there to be found');

select is(pg_temp.read_through('C1', 'roc', 'dossier student=50'), 0::bigint, 'what is held on one student');
select is(pg_temp.read_through('C1', 'roc', 'erase student=50'), 0::bigint, 'who cannot be erased yet');
update registration set state = 'withdrawn' where college = 'C1' and student_hash = substr(tests.sealed('student', '50'), 1, 32);
select is(pg_temp.read_through('C1', 'roc', 'erase student=50'), 0::bigint, 'and who can');
select is((select count(*) from registration where name is null), 1::bigint, 'which was done');
update session set date = '2020-05-14' where session in ('S5', 'S6');
insert into retention (months, log) values (12, 0);
select is((
    with before as materialized (select pg_stat_get_xact_tuples_returned('registration'::regclass)
                                        + pg_stat_get_xact_tuples_returned('student'::regclass) as read),
         step as materialized (select retention_step(50) from before)
    select pg_stat_get_xact_tuples_returned('registration'::regclass)
           + pg_stat_get_xact_tuples_returned('student'::regclass) - before.read
    from step, before), 0::bigint, 'a step of what goes by itself');
-- A session that is large, and comes first.
insert into session (session, exam, date, seats, taken, place, host, state, log)
values ('BIG', 'X1', '2019-05-14', 3000, 3000, 'x', 'C2', 'scheduled', 0);
select tests.contingents_make();
insert into registration (session, college, student_hash, again, person, state, entered, name, born, log)
select 'BIG', 'C' || 1 + n % 50, substr(tests.sealed('student', n::text), 1, 32), 1, n, 'seated', 20000 + n,
       tests.sealed('name', 'n'), tests.sealed('born', '2009'), 0
from generate_series(1001, 4000) n;
create temp table looked as
with before as materialized (select pg_stat_get_xact_tuples_fetched('registration'::regclass) as rows,
                                    pg_stat_get_xact_numscans('registration_held'::regclass) as scans),
     step as materialized (select retention_step(50) from before)
select pg_stat_get_xact_tuples_fetched('registration'::regclass) - before.rows as rows,
       pg_stat_get_xact_numscans('registration_held'::regclass) - before.scans as scans
from step, before;
select is((select scans from looked), 1::bigint, 'in a large session it begins where it was');
select cmp_ok((select rows from looked), '<', 500::bigint, 'and reads no more of it than its page');

-- How often a helper ran while a line was answered.
create function pg_temp.asked(line text, helper text default 'acting_codes') returns bigint language plpgsql as $$
declare
    before bigint := coalesce((select sum(calls) from pg_stat_xact_user_functions where funcname = helper), 0);
begin
    perform tests.say('C1', 'roc', line);
    return coalesce((select sum(calls) from pg_stat_xact_user_functions where funcname = helper), 0) - before;
end
$$;
with before as materialized (
         select coalesce((select sum(calls) from pg_stat_xact_user_functions where funcname = 'retention_over'), 0) as calls),
     told as materialized (select retention_due('2021-01-01') from before)
select is(coalesce((select sum(calls) from pg_stat_xact_user_functions where funcname = 'retention_over'), 0) - before.calls,
          0::numeric, 'what will go is told of all at once, not of one student after the other')
from before, told;
select is(pg_temp.asked('progress year=2027 rung=registered'), 1::bigint, 'whose figures: once, not for each cell');
select is(pg_temp.asked('offers'), 1::bigint, 'whose offers: once, not for each');

-- A queue is counted once a page, not anew for each who waits in it.
update registration set state = 'waiting' where session in ('S3', 'S4') and college in ('C1', 'C7', 'C9');
select is(pg_temp.asked('registrations', 'queue_place'), 0::bigint, 'whose places: by queue, not one by one');
select is((select string_agg(substring(answer from 'place=(\d+)'), ' ' order by after::bigint)
           from tests.call('C1', 'roc', array['registrations session=S4'])),
          (select string_agg(queue_place(session, entered)::text, ' ' order by entered)
           from registration where session = 'S4' and college = 'C1' and state = 'waiting'),
          'and each is its place over all colleges');
select * from finish();
rollback;
