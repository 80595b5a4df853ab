-- How long personal data stays: what `retention` answers, whom its day takes, and that over random years what a rehearsal
-- told is what goes, in steps of any size.
begin;
select plan(30);
\set seed `echo "${BUURTAAL_SEED:-$(date +%s)}"`
select diag('seed ' || :'seed');
select setseed(:'seed'::bigint % 1000000 / 1000000.0);
create function pg_temp.on_day(day timestamptz) returns void language sql as $$
    update demo set ahead = day - statement_timestamp()
$$;
select pg_temp.on_day('2029-03-01T12:00:00Z');
insert into institution (code, name, kind, country, log)
values ('A', 'A', 'college', 'NL', 0), ('B', 'B', 'college', 'NL', 0), ('E', 'E', 'exam-office', 'NL', 0);
insert into exam values ('X', 'E', 'de', 'A2', true, '1', null, null, 0);
insert into session (session, exam, date, seats, place, host, state, log)
values ('PAST', 'X', '2027-08-31', 99, 'x', 'A', 'scheduled', 0), ('LAST', 'X', '2027-09-01', 99, 'x', 'A', 'scheduled', 0),
       ('GONE', 'X', '2026-05-01', 99, 'x', 'A', 'scheduled', 0), ('AHEAD', 'X', '2029-05-01', 99, 'x', 'A', 'scheduled', 0);
select tests.contingents_make();
create function pg_temp.put(session_ text, college_ text, student_ text, state_ text, entered_ bigint) returns void language sql as $$
    insert into student values (college_, substr(tests.sealed('student', student_), 1, 32), tests.sealed('student', student_),
                                abs(hashtext(college_ || student_)))
    on conflict do nothing;
    insert into registration (session, college, student_hash, again, person, state, entered, name, born, log)
    select session_, college_, student_hash, 1 + (select count(*) from registration r where r.session = session_
           and r.college = college_ and r.student_hash = s.student_hash), person, state_, entered_, tests.sealed('name', 'n'),
           tests.sealed('born', 'b'), entered_
    from student s where college = college_ and student_hash = substr(tests.sealed('student', student_), 1, 32);
    update session set taken = taken + (state_ = 'seated')::integer, waiting = waiting + (state_ = 'waiting')::integer
    where session = session_;
    select recount(array[entered_], array[(select person from registration where entered = entered_)])
    where state_ in ('seated', 'waiting');
$$;
-- The numbers that are held.
create function pg_temp.held() returns text language sql as $$
    select string_agg(college || tests.opened(student), ' ' order by college, tests.opened(student)) from student where student is not null
$$;
-- Steps until nothing is left to do; what went, and in how many.
create function pg_temp.steps(most integer, out students bigint, out registrations bigint, out steps integer) language plpgsql as $$
declare
    told text[];
begin
    students := 0;
    registrations := 0;
    steps := 0;
    perform set_config('buurtaal.running_log', (select log from log_head)::text, true);
    while retention_pending() loop
        told := regexp_match(retention_step(most), 'students=(\d+) registrations=(\d+)');
        students := students + coalesce(told[1]::integer, 0);
        registrations := registrations + coalesce(told[2]::integer, 0);
        steps := steps + 1;
    end loop;
end
$$;
select pg_temp.put('PAST', 'A', '1', 'seated', 1), pg_temp.put('GONE', 'A', '1', 'cancelled', 2),
       pg_temp.put('PAST', 'A', '2', 'withdrawn', 3), pg_temp.put('PAST', 'A', '3', 'seated', 4),
       pg_temp.put('AHEAD', 'A', '3', 'withdrawn', 5), pg_temp.put('LAST', 'A', '4', 'seated', 6),
       pg_temp.put('GONE', 'A', '5', 'cancelled', 7), pg_temp.put('LAST', 'B', '1', 'seated', 8),
       pg_temp.put('GONE', 'B', '2', 'moved', 9), pg_temp.put('PAST', 'B', '2', 'waiting', 10);

-- The setting.
select is(say('ADMIN', 'admin', 'retention'), 'OK students=0 registrations=0 repeated=yes', 'nothing is set, nothing goes');
select is(retention_pending(), false, 'nothing is to be done');
select is(say('ADMIN', 'admin', 'retention months=18', 'retention months=18'),
          E'OK months=18 until=2027-08-31 students=4 registrations=6\nOK months=18 until=2027-08-31 students=4 registrations=6 repeated=yes',
          'set, and what will go');
select is(say('ADMIN', 'admin', 'retention months=12'), 'OK months=12 until=2028-02-29 students=6 registrations=8 amended=yes', 'shorter');
select is(regexp_replace(say('ADMIN', 'admin', 'retention months=18 seen=0'), '\d+$', 'N'), 'NO changed last=N', 'seen');
select is(say('ADMIN', 'admin', 'retention months=-', 'retention months=-'),
          E'OK students=0 registrations=0 amended=yes\nOK students=0 registrations=0 repeated=yes', 'taken back');
select is(retention_pending(), false, 'again nothing is to be done');
select is(pg_temp.held(), 'A1 A2 A3 A4 A5 B1 B2', 'and nobody has gone');

-- The day: a month has its last one.
create function pg_temp.until_on(day date, months integer) returns date language plpgsql as $$
begin
    perform pg_temp.on_day(day + interval '12 hours');
    return retention_until(months);
end
$$;
select is((select string_agg(pg_temp.until_on(day, months)::text, ' ' order by day) from (values
              (date '2029-03-01', 1), ('2029-03-28', 1), ('2029-03-29', 1), ('2029-03-31', 1), ('2029-04-01', 1), ('2029-08-31', 18))
              asked (day, months)),
          '2029-01-31 2029-02-27 2029-02-28 2029-02-28 2029-02-28 2028-02-29', 'a month later is the same day, or the last of the month');
select pg_temp.on_day('2029-03-01T12:00:00Z');

-- Whom it takes: by the last day of each number, whatever became of the registration.
select say('ADMIN', 'admin', 'retention months=18');
select is(retention_pending(), true, 'to be done');
select is(pg_temp.steps(1000)::text, '(4,6,1)', 'as was told');
select is(pg_temp.held(), 'A3 A4 B1', 'who has a later day, or one ahead, stays; also where another has the same number');
select is(say('ADMIN', 'admin', 'retention'), 'OK months=18 until=2027-08-31 students=0 registrations=0 repeated=yes', 'no more');
select is(retention_pending(), false, 'done for the day');
select is_empty('select from registration where name is not null and (college, student_hash) not in (select college, student_hash from student where student is not null)',
                'nothing sealed is left of who went');
select is(retention_step(200), null, 'a step too much does nothing');
select pg_temp.on_day('2029-03-02T12:00:00Z');
select is(pg_temp.steps(1)::text, '(2,2,4)', 'the next day takes the next, in however small steps');
select is(pg_temp.held(), 'A3', 'one is left');
select pg_temp.put('PAST', 'A', '6', 'withdrawn', 11);
update session set log = 11 where session = 'PAST';
select log as before from log_head \gset
select is((select row(log, fault)::text from news(0)), format('(%s,)', :before), 'a day that is done is not looked at again');
select pg_temp.on_day('2029-03-03T12:00:00Z');
select is((select row(log, fault)::text from news(0)), format('(%s,)', :before + 1), 'on the next day it is the registry that does it');
select is((select row(party, certificate, origin, verb, fields, outcome)::text from audit where log = :before + 1),
          (select row('registry', decode(repeat('00', 32), 'hex'), 'chores', 'retention',
                      'until=2027-09-02 students=1 registrations=1', 'OK')::text), 'with its row of the log');
select is((select log from registration where entered = 11), :before + 1::bigint, 'and its number');
select is((select row(log, fault)::text from news(0)), format('(%s,)', :before + 1), 'once');
select is((select count(*) from session where cleared is null), 1::bigint, 'past sessions need no more look');
select is(say('ADMIN', 'admin', 'retention months=24'), 'OK months=24 until=2027-03-02 students=0 registrations=0 amended=yes', 'longer');
select is((select count(*) from session where cleared is null), 3::bigint, 'what lies ahead then will be looked at');

-- Random years: three colleges' numbers, sessions that are moved, months that change; every day what was told is what goes.
create temp table wrong (day date, what text);
create function pg_temp.years(days integer) returns integer language plpgsql as $$
declare
    today date := '2030-01-01';
    told text;
    went record;
    parted integer := 0;    -- days on which some went and some stayed
    entered_ bigint := 1000000;
begin
    insert into session (session, exam, date, seats, place, host, state, log)
    select 'R' || n, 'X', date '2028-06-01' + (random() * 1200)::integer, 1000, 'x', 'A', 'scheduled', 0 from generate_series(1, 20) n;
    perform tests.contingents_make();
    for step in 1..days loop
        today := today + 1 + (random() * 20)::integer;
        perform pg_temp.on_day(today + interval '12 hours');
        for n in 1..(random() * 12)::integer loop
            entered_ := entered_ + 1;
            perform pg_temp.put((select session from session where session like 'R%' order by random() limit 1),
                                (array['A', 'B'])[1 + (random())::integer], 'r' || (random() * 40)::integer,
                                (array['withdrawn', 'moved', 'cancelled'])[1 + (random() * 2)::integer], entered_);
            update session set log = entered_ where session = (select session from registration where entered = entered_);
        end loop;
        if random() < 0.3 then
            update session set date = date + (random() * 600)::integer - 300, log = step
            where session = (select session from session where session like 'R%' order by random() limit 1);
        end if;
        if random() < 0.2 then
            perform tests.say('ADMIN', 'admin', 'retention months=' || (array['3', '12', '18', '-'])[1 + (random() * 3)::integer]);
        end if;
        told := tests.say('ADMIN', 'admin', 'retention');
        went := pg_temp.steps(1 + (random() * 40)::integer);
        parted := parted + (went.students > 0 and exists (select from student where student is not null))::integer;
        if told not like format('%%students=%s registrations=%s %%', went.students, went.registrations) then
            insert into wrong values (today, concat_ws(' ', 'told', told, 'went', went.students, went.registrations));
        end if;
        insert into wrong
        select today, concat_ws(' ', 'held', college, tests.opened(student), last, retention_until(months))
        from student s,
             lateral (select max(date) as last from registration r join session using (session)
                      where r.college = s.college and r.student_hash = s.student_hash) days
             left join retention on true
        where student is not null and last <= retention_until(months)
        union all
        select today, concat_ws(' ', 'sealed', r.session, r.college, r.entered)
        from registration r join student s using (college, student_hash)
        where (s.student is null) <> (r.name is null) or (r.name is null) <> (r.born is null);
    end loop;
    return parted;
end
$$;
select cmp_ok(pg_temp.years(50), '>', 3, 'on some days some went and some stayed');
select is_empty('select * from wrong order by day limit 5', 'whom the day took, and nobody else; as many as was told');
select is_empty('select * from reconcile()', 'all adds up');
select is_empty($$
    select day, months, pg_temp.until_on(day, months)
    from generate_series(0, 800) n, lateral (select date '2040-01-01' + n, (array[1, 5, 12, 18])[1 + n % 4]) on_ (day, months)
    where not (pg_temp.until_on(day, months) + make_interval(months => months) < day
               and pg_temp.until_on(day, months) + 1 + make_interval(months => months) >= day)$$,
    'the newest day that lies so many months back');
select * from finish();
rollback;
