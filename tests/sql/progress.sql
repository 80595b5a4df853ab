-- Targets and figures: who sees what of them, and at what number they are true.
begin;
select plan(46);
update demo set ahead = '2027-04-01T10:00:00Z' - statement_timestamp();
insert into institution (code, name, kind, country, province, log)
values ('A', 'A', 'college', 'NL', 'drenthe', 0), ('B', 'B', 'college', 'NL', 'zeeland', 0), ('OLD', 'Old', 'college',
    'NL', 'drenthe', 0);
insert into exam values ('DE-A2', 'A', 'de', 'A2', true, '1', null, null, 0), ('FR-A2', 'A', 'fr', 'A2', true, '1',
    null, null, 0);
insert into session (session, exam, date, seats, place, host, state, log)
values ('1', 'DE-A2', '2027-05-20', 1000, 'x', 'A', 'scheduled', 0), ('2', 'FR-A2', '2027-06-20', 1000, 'x', 'B',
    'scheduled', 0);
select tests.contingents_make();
-- So many persons of a college get a seat, as one write.
create function pg_temp.seat(college_ text, session_ text, count integer) returns text language plpgsql as $$
declare
    number bigint := (select log + 1 from log_head);
    base bigint := (select coalesce(max(person), 0) from student);
begin
    insert into student select college_, sha256(int8send(base + n)), '', base + n from generate_series(1, count) n;
    insert into registration (session, college, student_hash, again, person, state, entered, name, born, log)
    select session_, college_, sha256(int8send(base + n)), 1, base + n, 'seated', base + n, '', '', number
        from generate_series(1, count) n;
    update session set taken = taken + count where session = session_;
    perform recount(array_fill(number, array[count]), array(select base + n from generate_series(1, count) n));
    return tests.say('ADMIN', 'admin', 'revoke fingerprint=' || repeat('0', 64));
end
$$;
-- The answer without the outlook, which is tests/sql/outlook.sql's.
create function pg_temp.figures(party text, role text, question text) returns text language sql as $$
    select regexp_replace(tests.say(party, role, question), ' (pace|forecast)=\w+', '', 'g')
$$;
-- And without the number of the log.
create function pg_temp.seen(party text, role text, question text) returns text language sql as $$
    select regexp_replace(pg_temp.figures(party, role, question), ' log=\d+', '', 'g')
$$;

-- targets
select is(say('OCW', 'ocw', 'target year=2027 language=de rung=seated count=5000'), 'OK', 'a target');
select is(say('OCW', 'ocw', 'target year=2027 language=de rung=seated count=5000 seen=0'), 'OK repeated=yes', 'again');
select is(say('OCW', 'ocw', 'target year=2027 language=de rung=seated count=5100 seen=0'), 'NO changed last=1',
          'not seen');
select is(say('OCW', 'ocw', 'target year=2027 language=de rung=seated count=5100 seen=1'), 'OK amended=yes', 'another');
select is(say('OCW', 'ocw', 'target year=2026 language=de rung=passed count=0'), 'OK', 'none is a target too');
select is(say('A', 'roc', 'targets'),
          E'= year=2026 language=de rung=passed count=0 log=5\n= year=2027 language=de rung=seated count=5100 log=4',
          'everybody sees them');
select is((select string_agg(after, ' ') from tests.call('A', 'roc', array['targets after=2026:de:passed'])),
          '2027:de:seated', 'in pages');

-- the first day: 6
select is(pg_temp.seen('NUFFIC', 'nuffic', 'progress'),
          '= scope=national year=2027 language=de rung=seated count=0 target=5100',
          'a language with a target is told before anybody counts, in the current year');
select pg_temp.seat('A', '1', 7);
select is(pg_temp.figures('A', 'roc', 'progress year=2027 language=de'),
          E'= scope=own year=2027 language=de rung=seated count=7 log=6\n= scope=national year=2027 language=de rung=seated count=0 target=5100 log=0',
          'a college sees its own at once, the nation as of yesterday');
select is(pg_temp.figures('NUFFIC', 'nuffic', 'progress year=2027'),
          '= scope=national year=2027 language=de rung=seated count=7 target=5100 log=6', 'Nuffic sees it now');

-- the second day: 7, 8
update demo set ahead = ahead + interval '1 day';
select is(pg_temp.figures('B', 'roc', 'progress year=2027'),
          E'= scope=own year=2027 language=de rung=seated count=0 log=6\n= scope=national year=2027 language=de rung=seated count=7 target=5100 log=6',
          'the next day the others do');
select pg_temp.seat('B', '1', 4), pg_temp.seat('B', '2', 12);
select is(pg_temp.figures('A', 'roc', 'progress year=2027'),
          E'= scope=own year=2027 language=de rung=seated count=7 log=8\n= scope=national year=2027 language=de rung=seated count=7 target=5100 log=6',
          'what others do today, a language that others begin today, is not to be seen');
select is(pg_temp.figures('B', 'roc', 'progress year=2027'),
          E'= scope=own year=2027 language=de rung=seated count=4 log=8\n= scope=own year=2027 language=fr rung=seated count=12 log=8\n'
          || '= scope=national year=2027 language=de rung=seated count=7 target=5100 log=6', 'its own is');
select is(pg_temp.seen('A', 'roc', 'progress year=2027 language=fr'),
          E'= scope=own year=2027 language=fr rung=seated count=0\n= scope=national year=2027 language=fr rung=seated count=0', 'also when asked for');
select is(pg_temp.seen('A', 'roc', 'progress year=2027 by=institution'),
          '= scope=own year=2027 language=de rung=seated institution=A count=7', 'cells of its own');
select is(pg_temp.seen('A', 'roc', 'progress year=2027 by=province language=fr'), null, 'and of nobody else');

-- the others, in full or masked
select is(pg_temp.seen('NUFFIC', 'nuffic', 'progress year=2027 by=institution language=de'),
          E'= scope=national year=2027 language=de rung=seated institution=A count=7\n= scope=national year=2027 language=de rung=seated institution=B count=4', 'Nuffic sees cells');
select is(pg_temp.seen('ADMIN', 'admin', 'progress year=2027 by=month'),
          E'= scope=national year=2027 language=de rung=seated month=2027-05 count=11\n= scope=national year=2027 language=fr rung=seated month=2027-06 count=12', 'the administrator too');
select is(pg_temp.seen('OCW', 'ocw', 'progress year=2027 by=institution'),
          E'= scope=national year=2027 language=de rung=seated institution=A count=5\n= scope=national year=2027 language=de rung=seated institution=B count=<5\n'
          || '= scope=national year=2027 language=fr rung=seated institution=B count=10',
              'the ministry down to a multiple of 5');
select is(pg_temp.seen('OCW', 'ocw', 'progress year=2027'),
          E'= scope=national year=2027 language=de rung=seated count=11 target=5100\n= scope=national year=2027 language=fr rung=seated count=12', 'but totals exact');
select is(pg_temp.seen('NUFFIC', 'nuffic', 'progress year=2027 rung=sat'), null,
          'a rung that nobody is on and that has no target');
select is(pg_temp.seen('NUFFIC', 'nuffic', 'progress year=2027 rung=sat language=de'),
          '= scope=national year=2027 language=de rung=sat count=0', 'is 0 when asked for');
select is(pg_temp.seen('NUFFIC', 'nuffic', 'progress year=2026 rung=passed'),
          '= scope=national year=2026 language=de rung=passed count=0 target=0', 'or when it has one');
select is(pg_temp.seen('NUFFIC', 'nuffic', 'progress year=2027 rung=registered by=level language=fr'),
          '= scope=national year=2027 language=fr rung=registered level=A2 count=12', 'a seat implies a registration');

-- as-of
select is(pg_temp.figures('NUFFIC', 'nuffic', 'progress year=2027 as-of=9'), 'NO not-found field=as-of',
          'a number that is not yet');
select is(pg_temp.figures('NUFFIC', 'nuffic', 'progress year=2027 as-of=2027-04-02'), 'NO not-found field=as-of',
          'a day that is not over');
select is(pg_temp.figures('NUFFIC', 'nuffic', 'progress year=2027 as-of=999999999999999'), 'NO not-found field=as-of',
          'the greatest number');
select is(pg_temp.figures('NUFFIC', 'nuffic', 'progress year=2027 as-of=9999-12-31'), 'NO not-found field=as-of', 'the last day');
select is(pg_temp.figures('NUFFIC', 'nuffic', 'progress year=2027 as-of=7'),
          '= scope=national year=2027 language=de rung=seated count=11 target=5100 log=7', 'a number');
select is(pg_temp.figures('NUFFIC', 'nuffic', 'progress year=2027 as-of=3'),
          '= scope=national year=2027 language=de rung=seated count=0 target=5000 log=3', 'with the target of then');
select is(pg_temp.figures('NUFFIC', 'nuffic', 'progress year=2027 as-of=0 language=de'),
          '= scope=national year=2027 language=de rung=seated count=0 log=0', 'the beginning');
select is(pg_temp.figures('NUFFIC', 'nuffic', 'progress year=2027 as-of=2027-04-01'),
          '= scope=national year=2027 language=de rung=seated count=7 target=5100 log=6', 'a day means its end');
select is(pg_temp.figures('A', 'roc', 'progress year=2027 as-of=2027-04-01'),
          E'= scope=own year=2027 language=de rung=seated count=7 log=6\n= scope=national year=2027 language=de rung=seated count=7 target=5100 log=6', 'also for a college');
select is(pg_temp.figures('A', 'roc', 'progress year=2027 as-of=8'),
          E'= scope=own year=2027 language=de rung=seated count=7 log=8\n= scope=national year=2027 language=de rung=seated count=7 target=5100 log=6',
          'a number of today shows it the nation of yesterday');
select is(pg_temp.figures('OCW', 'ocw', 'progress year=2027 as-of=7'), 'NO range field=as-of',
          'the ministry cannot subtract one number from the next');
select is(pg_temp.figures('OCW', 'ocw', 'progress year=2027 as-of=2027-04-01'), 'NO range field=as-of', 'nor one day');
select is(pg_temp.figures('OCW', 'ocw', 'backtest as-of=7'), 'NO range field=as-of', 'of a back-test neither');
select is(pg_temp.figures('NUFFIC', 'nuffic', 'backtest as-of=2027-04-02'), 'NO not-found field=as-of',
          'which is made on days that are over');
select is(pg_temp.figures('OCW', 'ocw', 'progress year=2027 language=de as-of=2027-03-31'),
          '= scope=national year=2027 language=de rung=seated count=0 log=0', 'ends of months it can ask for');
update demo set ahead = ahead + interval '30 days';
select is(pg_temp.figures('OCW', 'ocw', 'progress year=2027 by=exam as-of=2027-04-30'),
          E'= scope=national year=2027 language=de rung=seated exam=DE-A2 count=10 log=8\n= scope=national year=2027 language=fr rung=seated exam=FR-A2 count=10 log=8',
          'a month that is over');
select pg_temp.seat('A', '1', 2);
select is(pg_temp.seen('OCW', 'ocw', 'progress year=2027 by=institution'),
          '= scope=national year=2027 language=fr rung=seated institution=B count=10',
          'of 13 persons 5 and <5 are not told: the small one could be nothing but 4');
select is(pg_temp.seen('OCW', 'ocw', 'progress year=2027 by=institution as-of=2027-04-30'),
          E'= scope=national year=2027 language=de rung=seated institution=A count=5\n= scope=national year=2027 language=de rung=seated institution=B count=<5\n'
          || '= scope=national year=2027 language=fr rung=seated institution=B count=10', 'the month before stays as it was');
select pg_temp.seat('A', '1', 2);
select is(pg_temp.seen('OCW', 'ocw', 'progress year=2027 by=institution'),
          E'= scope=national year=2027 language=de rung=seated institution=A count=10\n= scope=national year=2027 language=de rung=seated institution=B count=<5\n'
          '= scope=national year=2027 language=fr rung=seated institution=B count=10', 'of 15 they are');
select is(pg_temp.figures('A', 'roc', 'progress year=2027 as-of=8'),
          E'= scope=own year=2027 language=de rung=seated count=7 log=8\n= scope=national year=2027 language=de rung=seated count=7 target=5100 log=6',
          'and a college hears for ever what it heard');

-- a successor sees the figures under the code they were made with
select pg_temp.seat('OLD', '1', 3), say('ADMIN', 'admin', 'institution-end code=OLD until=2027-03-31 successor=A');
select is(pg_temp.seen('A', 'roc', 'progress year=2027 by=institution'),
          E'= scope=own year=2027 language=de rung=seated institution=A count=11\n= scope=own year=2027 language=de rung=seated institution=OLD count=3', 'each its own');
select is((select string_agg(answer, '') from tests.call('B', 'roc', array['progress year=2027 by=institution'])
          where answer ~ 'OLD|=A'), null, 'and no other college does');

select * from finish();
rollback;
