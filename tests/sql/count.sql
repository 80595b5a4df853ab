-- Counting persons against the plain definition, over random registrations; and that `as-of` tells for ever what was
-- told.
begin;
select plan(22);
\set seed `echo "${BUURTAAL_SEED:-$(date +%s)}"`
select diag('seed ' || :'seed');
select setseed(:'seed'::bigint % 1000000 / 1000000.0);
update demo set ahead = '2027-04-02T08:00:00Z' - statement_timestamp();

insert into institution (code, name, kind, country, province, log)
values ('A', 'A', 'college', 'NL', 'drenthe', 0), ('B', 'B', 'college', 'NL', 'drenthe', 0), ('C', 'C', 'college', 'NL',
    null, 0);
insert into exam values ('DE-A2', 'A', 'de', 'A2', true, '1', null, null, 0), ('DE-B1', 'A', 'de', 'B1', true, '1',
    null, null, 0),
                        ('FR-A2', 'A', 'fr', 'A2', true, '1', null, null, 0);
insert into session (session, exam, date, seats, place, host, state, log)
values ('1', 'DE-A2', '2027-05-20', 1000, 'x', 'A', 'scheduled', 0), ('2', 'DE-B1', '2027-05-21', 1000, 'x', 'B',
    'scheduled', 0),
       ('3', 'DE-A2', '2027-06-10', 1000, 'x', 'A', 'scheduled', 0), ('4', 'FR-A2', '2027-05-20', 1000, 'x', 'A',
           'scheduled', 0),
       ('5', 'DE-B1', '2028-01-20', 1000, 'x', 'A', 'scheduled', 0);
select tests.contingents_make();
-- A student number of a college is a person; some persons are at several colleges.
insert into student (college, student_hash, student, person)
select college, sha256(int4send(person)), '', person from unnest(array['A', 'B', 'C']) college, generate_series(1,
    30) person;

-- One random change; the persons it touches.
create function pg_temp.change(log_ bigint) returns bigint[] language plpgsql as $$
declare
    kind double precision := random();
    one registration;
    person_ bigint := 1 + (random() * 29)::integer;
    other bigint := 1 + (random() * 29)::integer;
begin
    select * into one from registration order by random() limit 1;
    if kind < 0.5 or one.session is null then
        insert into registration (session, college, student_hash, again, person, state, entered, name, born, log)
        select session, college, student_hash,
               (select coalesce(max(again), 0) + 1 from registration r where r.session = s.session
                   and r.college = t.college and r.student_hash = t.student_hash),
               t.person, case when random() < 0.3 then 'waiting' else 'seated' end, log_, '', '', log_
        from (select session from session order by random() limit 1) s,
             (select * from student where student_hash = sha256(int4send(person_::integer)) order by random() limit 1) t
        where not exists (select from registration r where r.session = s.session and r.college = t.college
                          and r.student_hash = t.student_hash and r.state in ('seated', 'waiting'));
        return array(select person from registration where log = log_);
    elsif kind < 0.65 then
        update registration set state = 'withdrawn', log = log_
        where (session, college, student_hash, again) = (one.session, one.college, one.student_hash, one.again);
    elsif kind < 0.8 then
        update registration set state = 'seated', log = log_
        where (session, college, student_hash, again) = (one.session, one.college, one.student_hash, one.again)
            and state = 'waiting';
    elsif kind < 0.95 then
        update registration set reached = (array[0, 3, 4, 5])[1 + (random() * 3)::integer], log = log_
        where (session, college, student_hash, again) = (one.session, one.college, one.student_hash, one.again)
            and state = 'seated';
    elsif kind < 0.98 then
        update registration set person = person_ where person = other;
        update student set person = person_ where person = other;
        return array(select distinct p from unnest(array[person_, other]) p);
    else
        update session set date = greatest(least(date + case when random() < 0.5 then 30 else -30 end,
                                                 date_trunc('year', date) + interval '11 months'),
                                           date_trunc('year', date))
        where session = one.session;
        perform contingents_move(one.session, null, log_);
        return '{}';
    end if;
    return array[one.person];
end
$$;

-- What is told at each number of the log, to be asked again at the end.
create temp table told (log bigint, role text, question text, answer text);
create function pg_temp.asked(party text, role text, question text) returns text language sql as $$
    select string_agg(regexp_replace(regexp_replace(answer, ' target=\d+', ''), ' log=\d+', ''), E'\n' order by answer)
    from tests.call(party, role, array[question])
$$;

-- The plain definition of a total: how many different persons have a live registration on that rung.
create function pg_temp.wrong_totals() returns table (what text, stored bigint, computed bigint) language sql as $$
    with live as (
        select person, college, extract(year from date)::integer as year, language, rung
        from registration join session using (session) join exam using (exam),
             unnest(array['registered', 'seated', 'sat', 'passed', 'certified']) with ordinality rungs (rung, height)
        where registration.state = 'seated' and (height <= 2 or reached >= height) or registration.state = 'waiting'
            and height = 1)
    select concat_ws(' ', year, language, rung), stored.count, computed.count
    from (select year, language, rung, sum(rung_count(rung, registered, seated, sat, passed, certified)) as count
          from cell, unnest(array['registered', 'seated', 'sat', 'passed', 'certified']) rung group by 1, 2, 3) stored
    full join (select year, language, rung, count(distinct person) from live group by year, language,
        rung) computed using (year, language, rung)
    where coalesce(stored.count, 0) <> coalesce(computed.count, 0)
    union all
    select concat_ws(' ', institution, year, language, rung), stored.count, computed.count
    from (select institution, year, language, rung, sum(rung_count(rung, own_registered, own_seated, own_sat,
        own_passed, own_certified)) as count
          from cell, unnest(array['registered', 'seated', 'sat', 'passed', 'certified']) rung group by 1, 2, 3,
              4) stored
    full join (select college as institution, year, language, rung, count(distinct person) from live group by 1, 2, 3,
        4) computed
         using (institution, year, language, rung)
    where coalesce(stored.count, 0) <> coalesce(computed.count, 0)
$$;

create temp table wrong (step integer, what text);
create function pg_temp.steps(count integer) returns void language plpgsql as $$
declare
    base bigint;
    step integer;
    k integer;
    logs bigint[];
    persons bigint[];
    touched bigint[];
begin
    for step in 1..count loop
        -- a call of one to five writes, each person under its first
        base := (select log from log_head);
        logs := '{}';
        persons := '{}';
        for k in 1..1 + (random() * 4)::integer loop
            touched := array(select p from unnest(pg_temp.change(base + k)) p where p <> all (persons));
            persons := persons || touched;
            logs := logs || array_fill(base + k, array[cardinality(touched)]);
        end loop;
        update session set taken = (select count(*) from registration where registration.session = session.session
            and registration.state = 'seated'),
                           waiting = (select count(*) from registration where registration.session = session.session
                               and registration.state = 'waiting');
        perform recount(logs, persons);
        perform tests.say('ADMIN', 'admin', variadic array_fill('revoke fingerprint=' || repeat('0', 64), array[5]));
        -- What is reached is set by hand here.
        insert into wrong select step, row(r.*)::text from reconcile() r where what <> 'reached';
        insert into wrong select step, row(w.*)::text from pg_temp.wrong_totals() w;
        if step % 10 = 0 then
            insert into told
            select (select log from log_head), role, question, pg_temp.asked(party, role, question)
            from (values ('NUFFIC', 'nuffic'), ('A', 'roc')) who (party, role),
                 unnest(array['progress year=2027 by=month', 'progress year=2027 rung=sat by=exam',
                     'progress year=2027 language=de rung=registered by=institution']) question;
            insert into told select (select log from log_head), 'nuffic', 'progress year=2027', pg_temp.asked('NUFFIC',
                'nuffic', 'progress year=2027');
            update demo set ahead = ahead + interval '14 hours';
        end if;
    end loop;
end
$$;
select pg_temp.steps(100);
select is_empty('select * from wrong order by step limit 5',
          'after every step all sums are what the registrations say');
select cmp_ok((select count(*) from registration where counted <> 0)::integer, '>', 20, 'and there was something to count');
select cmp_ok((select count(*) from log_day)::integer, '>', 3, 'over several days');
select is_empty($$select told.*, pg_temp.asked(case role when 'roc' then 'A' else 'NUFFIC' end, role, question || ' as-of=' || log) as now from told
                  where answer is distinct from pg_temp.asked(case role when 'roc' then 'A' else 'NUFFIC' end, role,
                      question || ' as-of=' || log) limit 5$$,
                'as-of tells what was told then');
select is_empty($$
    with answers as (
        select by_, sum((regexp_match(answer, 'count=(\d+)'))[1]::integer) as total
        from unnest(array['month', 'institution', 'province', 'level', 'exam']) by_, lateral tests.call('NUFFIC',
            'nuffic', array['progress year=2027 language=de by=' || by_])
        group by by_)
    select * from answers where total <> (select (regexp_match(say('NUFFIC', 'nuffic',
        'progress year=2027 language=de'), 'count=(\d+)'))[1]::integer)$$,
    'every by= adds up to the total');

-- the rule, by hand
truncate registration, contingent, cell, tally, day_opening, told cascade;
update session set taken = 0, waiting = 0, date = case session when '3' then date '2027-06-10' else '2027-05-20' end;
insert into contingent (session, college, cell)
select session, college, cell_made(session, college)
from (values ('1', 'A'), ('3', 'B'), ('4', 'B')) place (session, college);
create function pg_temp.put(session_ text, college_ text, state_ text, entered_ bigint,
    reached_ integer default 0) returns void language plpgsql as $$
begin
    insert into registration (session, college, student_hash, again, person, state, entered, name, born, reached, log)
    values (session_, college_, sha256(int4send(7)), 1, 7, state_, entered_, '', '', reached_, entered_)
    on conflict (session, college, student_hash, again) do update set state = excluded.state,
        reached = excluded.reached;
    perform recount(array[(select log + 1 from log_head)], array[7]);
    perform tests.say('ADMIN', 'admin', 'revoke fingerprint=' || repeat('0', 64));
end
$$;
create function pg_temp.where_counted(rung text) returns text language sql as $$
    select string_agg(format('%s %s %s', institution, exam, to_char(month, 'MM')), ', ' order by cell)
    from cell where rung_count(rung, registered, seated, sat, passed, certified) = 1
$$;
select pg_temp.put('1', 'A', 'waiting', 100), pg_temp.put('3', 'B', 'seated', 101);
select is(pg_temp.where_counted('registered') || '; ' || pg_temp.where_counted('seated'), 'A DE-A2 05; B DE-A2 06',
          'each rung counts where the first registration on it is');
select pg_temp.put('1', 'A', 'seated', 100);
select is(pg_temp.where_counted('seated'), 'A DE-A2 05', 'the earlier one is promoted, and the person counts there');
select is((select string_agg(institution || ' ' || own_seated, ', ' order by cell) from cell where own_seated > 0),
          'A 1, B 1', 'at each college once');
select pg_temp.put('3', 'B', 'seated', 101, 5);
select is(pg_temp.where_counted('certified') || '; ' || pg_temp.where_counted('sat') || '; '
          || pg_temp.where_counted('seated'),
          'B DE-A2 06; B DE-A2 06; A DE-A2 05', 'a certificate implies the rungs below it');
select pg_temp.put('1', 'A', 'withdrawn', 100);
select is(pg_temp.where_counted('registered') || '; ' || pg_temp.where_counted('seated'), 'B DE-A2 06; B DE-A2 06',
          'what ended counts no more');
select pg_temp.put('4', 'B', 'seated', 102);
select is(pg_temp.where_counted('seated'), 'B DE-A2 06, B FR-A2 05', 'another language counts by itself');
select pg_temp.put('4', 'B', 'cancelled', 102);
select pg_temp.put('3', 'B', 'moved', 101, 5);
select is((select count(*) from registration where counted <> 0), 0::bigint, 'nobody is left');
select is_empty($$select from cell where registered + seated + sat + passed + certified + own_registered <> 0$$,
          'in no cell');
select is_empty($$select * from reconcile() where what <> 'reached'$$, 'and that is right');

-- a difference is found, whatever was touched
select pg_temp.put('1', 'A', 'seated', 100);
update session set taken = 1 where session = '1';
select is_empty($$select * from reconcile() where what <> 'reached'$$, 'before');
create function pg_temp.found_after(statement text) returns text language plpgsql as $$
declare
    found_ text;
begin
    execute statement;
    select string_agg(distinct what, ', ' order by what) into found_ from reconcile()
    where what <> 'reached';
    raise exception 'undo' using errcode = 'BT000';
exception when sqlstate 'BT000' then
    return found_;
end
$$;
select is(pg_temp.found_after($$update cell set own_seated = own_seated + 1 where institution = 'A' and exam = 'DE-A2' and month = '2027-05-01'$$), 'cell, tally', 'a cell');
select is(pg_temp.found_after('update day_opening set sat = sat + 1'), 'opening of a day', 'what it was yesterday');
select is(pg_temp.found_after('update registration set counted = 33 where counted > 0'), 'counted', 'a person');
select is(pg_temp.found_after($$update contingent set cell = 2 where session = '1'$$), 'counted', 'where one counts');
select is(pg_temp.found_after('update tally set sums = 1'), 'tally', 'a change');
select is(pg_temp.found_after('update tally set logs = logs || logs'), 'tally', 'how often');
select is(pg_temp.found_after($$update session set taken = 2 where session = '1'$$), 'seats', 'a seat');

select * from finish();
rollback;
