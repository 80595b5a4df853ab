-- The terms of an exam: by when one registers, by when a college schedules; both are days in Amsterdam.
begin;
select plan(51);
insert into institution (code, name, kind, country, province, log)
values ('A', 'A', 'college', 'NL', 'drenthe', 0), ('B', 'B', 'college', 'NL', 'zeeland', 0), ('E', 'E', 'exam-office', 'NL', null, 0);
create function pg_temp.at(moment timestamptz) returns void language sql as $$
    -- In seconds: days of an interval may have 23 hours, or 25.
    update demo set ahead = make_interval(secs => extract(epoch from moment - statement_timestamp()));
$$;
create function pg_temp.exam(fields text) returns text language sql as $$
    select tests.say('E', 'exams', 'exam exam=X issuer=E language=de level=A2 certificate=yes edition=1' || fields)
$$;
create function pg_temp.schedule(party text, role text, session text, date text) returns text language sql as $$
    select regexp_replace(tests.say(party, role, format('schedule session=%s exam=X date=%s seats=1 place=Assen host=A', session, date)),
                          ' state=scheduled seats=1 free=\d waiting=\d', '')
$$;
create function pg_temp.register(session text, student text) returns text language sql as $$
    select tests.say('A', 'roc', format('register session=%s student=%s name=n born=2009', session, student))
$$;
create function pg_temp.until(session_ text) returns text language sql as $$
    select tests.value_of(tests.say('B', 'roc', 'sessions session=' || session_), 'until')
$$;

-- The day is over when it is in Amsterdam: with 23 hours in spring, 25 in autumn.
select pg_temp.at('2026-09-01T10:00:00Z');
select is(pg_temp.exam(''), 'OK', 'an exam that says nothing');
select is(pg_temp.schedule('E', 'exams', session, date), 'OK', session || ' is scheduled')
from (values ('AUTUMN', '2026-11-22'), ('WINTER', '2027-01-28'), ('SPRING', '2027-04-25'), ('SUMMER', '2027-07-28')) s (session, date);
select is(pg_temp.until(session), until, session || ' closes 28 days before')
from (values ('AUTUMN', '2026-10-25'), ('WINTER', '2026-12-31'), ('SPRING', '2027-03-28'), ('SUMMER', '2027-06-30')) s (session, until);
do $$
begin
    create temp table asked (session text, moment timestamptz, wanted text, got text);
    insert into asked
    values ('AUTUMN', '2026-10-25T22:59:40Z', 'open'), ('AUTUMN', '2026-10-25T23:00:00Z', 'closed'),
           ('WINTER', '2026-12-31T22:59:40Z', 'open'), ('WINTER', '2026-12-31T23:00:00Z', 'closed'),
           ('SPRING', '2027-03-28T21:59:40Z', 'open'), ('SPRING', '2027-03-28T22:00:00Z', 'closed'),
           ('SUMMER', '2027-06-30T21:59:40Z', 'open'), ('SUMMER', '2027-06-30T22:00:00Z', 'closed');
end
$$;
create function pg_temp.ask(nth integer) returns void language plpgsql as $$
declare
    one record;
begin
    select * into one from asked order by moment offset nth limit 1;
    perform pg_temp.at(one.moment);
    update asked set got = case pg_temp.register(one.session, 's' || nth) when 'NO closed field=session' then 'closed'
                                when 'OK state=seated' then 'open' else 'neither' end
    where moment = one.moment;
end
$$;
select pg_temp.ask(0);
select pg_temp.ask(1);
select pg_temp.ask(2);
select pg_temp.ask(3);
select pg_temp.ask(4);
select pg_temp.ask(5);
select pg_temp.ask(6);
select pg_temp.ask(7);
select is(got, wanted, session || ' ' || moment) from asked order by moment;

-- What the office sets moves the sessions that do not say when they close.
select pg_temp.at('2027-09-01T10:00:00Z');
select is(pg_temp.schedule('E', 'exams', 'S', '2027-10-01'), 'OK', 'a session');
select is(say('E', 'exams', 'schedule session=T exam=X date=2027-10-01 closes=2027-09-20 seats=1 place=Assen host=A'),
          'OK state=scheduled seats=1 free=1 waiting=0', 'one that says when it closes');
select is(pg_temp.register('S', '1'), 'OK state=seated', 'until the third there is room');
select is(pg_temp.register('S', '2'), 'OK state=waiting place=1', 'and a queue');
select pg_temp.at('2027-09-04T10:00:00Z');
select is(say('A', 'roc', 'withdraw session=S student=1'), 'OK state=withdrawn', 'on the fourth registration is over');
select is(pg_temp.register('S', '3'), 'NO closed field=session', 'for who comes');
select is((select waiting from session where session = 'S'), 1, 'and for who waits');
select is(pg_temp.exam(' notice=20'), 'OK amended=yes', 'eight days longer');
select is(pg_temp.until('S') || ' ' || pg_temp.until('T') || ' ' || pg_temp.until('SUMMER'), '2027-09-11 2027-09-20 2027-06-30',
          'for sessions to come that do not say it themselves');
select is((select waiting || ' ' || taken from session where session = 'S'), '0 1', 'who waits comes in');
select is((select log from session where session = 'S'), (select log from log_head), 'it changed');
select ok((select s.log < head.log from session s, log_head head where session = 'T'), 'the other did not');
select is(pg_temp.schedule('E', 'exams', 'S', '2027-10-01'), 'OK repeated=yes', 'nor did what was said of it');
select is(pg_temp.exam(' notice=20'), 'OK repeated=yes', 'once');
select is(pg_temp.exam(' notice=-'), 'OK amended=yes', 'back');
select is(pg_temp.until('S'), '2027-09-03', 'to 28 days');
select is(pg_temp.exam(' notice=0'), 'OK amended=yes', 'to the day itself');
select is(pg_temp.until('S'), '2027-10-01', 'it is');
select is(pg_temp.schedule('E', 'exams', 'SUMMER', '2027-11-28'), 'OK amended=yes', 'one of the past gets another day');
select is(pg_temp.until('SUMMER'), '2027-11-28', 'and the term of today');
select is_empty('select * from reconcile()', 'all is in step');
select pg_temp.exam(' notice=-');

-- Wishes: before 1 December for January to March, before 1 March for April to December.
select is(pg_temp.exam(' wishes=01-03/12-01,04-12/03-01'), 'OK amended=yes', 'windows');
select is(say('B', 'roc', 'exams'),
          '= exam=X issuer=E language=de level=A2 certificate=yes edition=1 wishes=01-03/12-01,04-12/03-01 log='
          || (select log from log_head), 'everybody sees them');
select is(string_agg(concat_ws(' ', wishes_end('01-03/12-01,04-11/03-01', day)), ', ' order by day),
          '2026-12-01, 2026-12-01, 2027-03-01, 2027-03-01, ', 'the day for a session''s')
from unnest('{2027-01-01,2027-03-31,2027-04-01,2027-11-30,2027-12-01}'::date[]) day;
select is(wishes_end('03-05/03-01', '2027-03-02'), '2026-03-01'::date, 'always before the window''s months');
select pg_temp.at('2027-11-30T22:59:40Z');
select is(pg_temp.schedule('A', 'roc', 'W', '2028-02-10'), 'OK', 'the last day');
select pg_temp.at('2027-11-30T23:00:00Z');
select is(pg_temp.schedule('A', 'roc', 'V', '2028-03-31'), 'NO closed field=date', 'is over');
select is(pg_temp.schedule('A', 'roc', 'W', '2028-02-11'), 'NO closed field=date', 'for another day too');
select is(pg_temp.schedule('A', 'roc', 'W', '2028-02-10'), 'OK repeated=yes', 'what is so is so');
select is(say('A', 'roc', 'schedule session=W exam=X date=2028-02-10 seats=1 place=Emmen host=A'),
          'OK state=scheduled seats=1 free=1 waiting=0 amended=yes', 'its place is not asked about');
select is(pg_temp.schedule('A', 'roc', 'V', '2028-04-01'), 'OK', 'the next window is open');
select is(say('E', 'exams', 'schedule session=W exam=X date=2028-02-11 seats=1 place=Emmen host=A'),
          'OK state=scheduled seats=1 free=1 waiting=0 amended=yes', 'the office may at any time');

-- What falls due, for who reminds of it.
select results_eq($$ select * from deadlines('2028-01-01', '2028-02-29') order by until, code $$,
                  $$ values ('session', 'W', '2028-01-14'::date), ('wishes', 'X', '2028-02-29') $$, 'deadlines');
select results_eq($$ select * from deadlines('2027-11-30', '2027-11-30') $$, $$ values ('wishes', 'X', '2027-11-30'::date) $$,
                  'the last day on which one may wish');
select * from finish();
rollback;
