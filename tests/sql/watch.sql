-- What those who watch are told: what `progress` and `inbox` answer to each, to whom it is, in pages, and nothing before the
-- daemon knows who was revoked.
begin;
select plan(32);
update demo set ahead = '2027-03-01T12:00:00Z' - statement_timestamp();
insert into institution (code, name, kind, country, province, log)
values ('A', 'A', 'college', 'NL', 'drenthe', 0), ('B', 'B', 'college', 'NL', null, 0), ('C', 'C', 'college', 'NL', null, 0),
       ('H', 'H', 'college', 'NL', null, 0), ('E', 'E', 'exam-office', 'NL', null, 0);
insert into exam values ('X', 'E', 'de', 'A2', true, '1', true, null, 0), ('Y', 'E', 'fr', 'A2', true, '1', null, null, 0);
select say('E', 'exams', 'schedule session=S exam=X date=2027-05-14 seats=20 place=Assen host=H',
                         'schedule session=T exam=Y date=2027-05-20 seats=20 place=Assen host=H');
select tests.admitted(party, role) from (values ('A', 'roc'), ('B', 'roc'), ('H', 'roc'), ('E', 'exams'), ('N', 'nuffic'),
                                                ('O', 'ocw'), ('Z', 'admin')) as access (party, role);

-- What a question of the daemon's brings, kept for the tests behind it.
create temp table told as select * from watch('', '', null, 1000, 1) with ordinality limit 0;
create function pg_temp.ask(topics text, readers text, after_ text, most integer default 200, seen bigint default 100000)
returns text language plpgsql as $$
begin
    truncate told;
    insert into told select * from watch(topics, readers, after_, seen, most) with ordinality;
    return (select concat_ws(' ', log, after) from told where topic is null);
end
$$;
-- The states that a reader finds there, as `progress` tells them; those that are not there left out.
create function pg_temp.states(party_ text, role_ text) returns text language sql as $$
    select string_agg(concat_ws(' ', scope, year, language, rung, count, target, pace, forecast, low, high, log), E'\n'
                      order by language, scope)
    from told
    where topic = 'progress' and state <> '' and coalesce(reader = party_, true) and role_ = any (string_to_array(roles, ','))
$$;
create function pg_temp.progress(party_ text, role_ text) returns text language sql as $$
    select string_agg(concat_ws(' ', scope, year, language, rung, count, target, pace, forecast, low, high, log), E'\n'
                      order by language, scope)
    from progress(party_, role_, null, null, null, null, null, null)
$$;
-- Each reader of whom watch and progress do not say the same.
create function pg_temp.differing() returns text language plpgsql as $$
declare
    readers text := 'roc:A,roc:B,roc:C,roc:H,exams:E,nuffic:N,ocw:O,admin:Z,roc:A';
begin
    perform pg_temp.ask('progress', readers, null);
    return (select string_agg(r.role || ':' || r.party, ' ') from watch_readers(readers) r
            where pg_temp.states(r.party, r.role) is distinct from pg_temp.progress(r.party, r.role));
end
$$;
-- The events there: reader, number, notice.
create function pg_temp.events() returns text language sql as $$
    select string_agg(concat_ws(' ', roles, reader, log, notice, tests.opened(student)), ', ' order by ordinality)
    from told where topic = 'inbox'
$$;
create function pg_temp.newest() returns bigint language sql as $$ select log from log_head $$;

-- progress
select is(pg_temp.differing(), null, 'nothing is told where progress has nothing');
select say('A', 'roc', 'register session=S student=1 name=n born=2009', 'register session=S student=2 name=n born=2009',
                       'register session=T student=1 name=n born=2009');
select is(pg_temp.differing(), null, 'counts of today');
select is(pg_temp.states('A', 'roc'), format('own 2027 de seated 2 %s
own 2027 fr seated 1 %1$s', pg_temp.newest()), 'of a college its own');
select isnt(pg_temp.states('N', 'nuffic'), pg_temp.states('A', 'roc'), 'of the others the nation''s');
select say('O', 'ocw', 'target year=2027 language=de rung=seated count=5000', 'target year=2027 language=en rung=seated count=10',
                       'target year=2027 language=fr rung=sat count=10', 'target year=2028 language=de rung=seated count=10');
select is(pg_temp.differing(), null, 'targets, also of a language that nobody counts in');
update demo set ahead = ahead + interval '1 day';
select is(pg_temp.differing(), null, 'a day has ended, without a write');
select isnt(pg_temp.states('B', 'roc'), null, 'and the nation is told to a college that has nothing of its own');
select say('B', 'roc', 'register session=S student=1 name=n born=2009', 'register session=T student=2 name=n born=2009');
select is(pg_temp.differing(), null, 'after a write of the new day');
select say('B', 'roc', 'withdraw session=T student=2');
select say('A', 'roc', 'withdraw session=T student=1');
select is(pg_temp.differing(), null, 'a language in which nobody counts any more');
select is((select state || count from told where thing = 'own:2027:fr' and reader = 'A'), '0',
          'which is told as a state that is not there, with 0');
select is((select string_agg(state || count, ' ' order by roles) from told where thing = 'national:2027:fr' and roles <> 'roc'),
          '0', 'the nation''s too');
select say('Z', 'admin', 'institution-end code=B until=2027-03-05 successor=C');
select is(pg_temp.differing(), null, 'a college that will end');
update demo set ahead = ahead + interval '10 days';
select is(pg_temp.differing(), null, 'and has ended: its figures are its successor''s too');
select ok(pg_temp.states('C', 'roc') like '%own 2027 de seated 1%', 'which are there');
update demo set ahead = ahead + interval '1 year';
select is(pg_temp.differing(), null, 'another year');
update demo set ahead = ahead - interval '1 year';
select pg_temp.ask('progress', 'roc:A', null);
select is((select count(*)::integer from told where roles <> 'roc'), 0, 'what is for nobody is not counted');
select pg_temp.ask('inbox', 'roc:A', null);
select is(pg_temp.states('A', 'roc'), null, 'nor what nobody watches');
select pg_temp.ask('progress', 'roc:A', format('%s:%1$s:1:A', pg_temp.newest()));
select is(pg_temp.states('A', 'roc'), null, 'states are told at the beginning of a round alone');

-- inbox
create temp table mark as select pg_temp.newest() as log;
select say('H', 'roc', 'cancel session=S reason=x');
select is(pg_temp.ask('inbox', 'roc:A,roc:C,exams:E,roc:H', (select log from mark)::text), pg_temp.newest()::text,
          'all that is new behind a number, up to the newest');
select is(pg_temp.events(), format(
              'roc A %1$s session-cancelled, roc C %1$s session-cancelled, exams E %1$s session-cancelled, '
              'roc A %1$s seat-lost 1, roc C %1$s seat-lost 1, roc A %1$s seat-lost 2', pg_temp.newest()),
          'to each reader its own; to a successor those of the old code');
select is((select string_agg(w, ' ') from (select distinct concat_ws(':', i.log, i.notice, i.time, i.party, i.session, i.student) w
                from inbox('A', 'roc', null, null, 100) i
                except select concat_ws(':', log, notice, time, party, session, student) from told where reader = 'A') missing),
          null, 'with the fields that inbox tells');
-- Pages of two: each event once, in order, none left out.
create function pg_temp.paged(readers text, after_ text, most integer) returns text language plpgsql as $$
declare
    all_ text;
    next_ text := after_;
begin
    loop
        perform pg_temp.ask('inbox', readers, next_, most);
        all_ := concat_ws(', ', all_, pg_temp.events());
        select after into next_ from told where topic is null;
        exit when next_ is null;
        -- Amid the pages more is told: that is for the next round.
        perform say('E', 'exams', 'schedule session=T exam=Y date=2027-05-20 seats=20 host=H place=' || md5(next_));
    end loop;
    return all_;
end
$$;
select pg_temp.ask('inbox', 'roc:A,roc:B,roc:C,exams:E', (select log from mark)::text);
create temp table whole as select pg_temp.events() as events;
select is(pg_temp.paged('roc:A,roc:B,roc:C,exams:E', (select log from mark)::text, n), (select events from whole),
          format('in pages of %s', n)) from unnest(array[1, 2, 3, 5]) n;
select is(pg_temp.ask('inbox', 'roc:A,roc:C', pg_temp.newest()::text), pg_temp.newest()::text, 'nothing new');
select is(pg_temp.events(), null, 'is nothing');
select is(pg_temp.ask('inbox', 'roc:A,roc:C', null), pg_temp.newest()::text, 'who begins');
select is(pg_temp.events(), null, 'is told nothing of before');

-- certificates
select say('Z', 'admin', 'revoke fingerprint=' || encode(tests.fingerprint('B', 'roc'), 'hex'));
select is(pg_temp.ask('progress,inbox', 'roc:A', '0', 200, pg_temp.newest() - 1), '',
          'nothing before the daemon knows of a revocation');
select is((select count(*)::integer from told), 1, 'not even a state');
select is(pg_temp.ask('progress,inbox', 'roc:A', '0', 200, pg_temp.newest()), pg_temp.newest()::text, 'all after it');
select * from finish();
rollback;
