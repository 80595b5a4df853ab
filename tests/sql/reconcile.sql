-- The proof of the counts takes a time in proportion to the registrations, whatever the planner knows of them; and so what a
-- score costs does not grow with the scores of others.
begin;
select plan(5);
update demo set ahead = '2027-06-20T12:00:00Z' - statement_timestamp();
insert into institution (code, name, kind, country, province, log)
select 'C' || n, 'n', 'college', 'NL', (array['drenthe', 'limburg'])[1 + n % 2], 0 from generate_series(0, 59) n;
insert into institution (code, name, kind, country, log) values ('E', 'E', 'exam-office', 'NL', 0);
insert into exam select 'X' || n, 'E', 'de', 'A2', true, '1', n % 2 = 0, null, 0 from generate_series(0, 9) n;
insert into exam_part select 'X' || n, part, 100, 50, 0 from generate_series(0, 9) n, unnest(array['l', 's']) part;
insert into session (session, exam, date, closes, seats, taken, place, host, state, log)
select 'S' || n, 'X' || n % 10, make_date(2027, 6, 1 + n / 10), '2027-06-01', 5000, 1000, 'x', 'C2', 'scheduled', 0
from generate_series(0, 19) n;
insert into student
select 'C' || n % 60, substr(tests.sealed('student', n::text), 1, 32), tests.sealed('student', n::text), n
from generate_series(1, 10000) n;
select tests.contingents_make();
-- Each student is there twice, the second time at another session of the same exam.
insert into registration (session, college, student_hash, again, person, state, entered, name, born, log)
select 'S' || n % 10 + 10 * (i - 1), 'C' || n % 60, substr(tests.sealed('student', n::text), 1, 32), 1, n, 'seated',
       (i - 1) * 10000 + n, '', '', n
from generate_series(1, 10000) n, generate_series(1, 2) i;
update log_head set log = 20000, time = registry_now(), day = registry_today();
-- Some of them are known to have reached something, by half in the first session and half in the second.
insert into score select n + case part when 'l' then 0 else 10000 * (n % 3 / 2) end, part, 40 + n % 40, true, n
from generate_series(1, 2000) n, unnest(array['l', 's']) part;
update registration r set reached = result_reached(r) from score where score.entered = r.entered and score.part = 'l';
update registration r set reached = result_reached(r)
from score where score.entered = r.entered and score.part = 's' and r.entered > 10000;
select recount(array_agg(20000::bigint), array_agg(n::bigint)) from generate_series(1, 10000) n;

set local statement_timeout = '40s'; -- each with each would take far longer than that
select is((select count(*) from reconcile()), 0::bigint, 'twenty thousand registrations, of tables without statistics');
reset statement_timeout;
select isnt((select count(*) from registration where reached = 4 and entered > 10000), 0::bigint, 'some passed by two attempts');
update registration set reached = 3 - reached where entered = 5 and reached = 3 or entered = 9999;
update day_opening set seated = seated + 1;
select results_eq($$select what, key, stored, computed from reconcile() where what in ('reached', 'opening of a day') order by key$$,
    $$values ('opening of a day', '2027-06-20 2027 de', '(0,1,0,0,0)', '(0,0,0,0,0)'),
             ('reached', 'S5 C5 5 1', '0', '3'), ('reached', 'S9 C39 9999 1', '3', '0')$$, 'each fault is told');
update registration set reached = 3 - reached where entered in (5, 9999);

-- Rows of scores and registrations that were read, with an index or without.
create function pg_temp.rows_read(line text) returns bigint language plpgsql as $$
declare
    before bigint := (select sum(pg_stat_get_xact_tuples_returned(name) + pg_stat_get_xact_tuples_fetched(name))
                      from unnest(array['score'::regclass, 'registration']) name);
begin
    perform tests.say('E', 'exams', line);
    return (select sum(pg_stat_get_xact_tuples_returned(name) + pg_stat_get_xact_tuples_fetched(name))
            from unnest(array['score'::regclass, 'registration']) name) - before;
end
$$;
select cmp_ok(pg_temp.rows_read('score session=S16 college=C6 student=9966 part=l points=70 final=yes'), '<', 200::bigint,
              'a score reads that person''s rows alone');
select isnt((select reached from registration where entered = 19966), 0::smallint, 'and was taken');
select * from finish();
rollback;
