-- What was asked `as-of` a number or a day that is over is answered alike for ever: forecasts too, whatever is written later.
begin;
select plan(8);
\set seed `echo "${BUURTAAL_SEED:-$(date +%s)}"`
select diag('seed ' || :'seed');
select setseed(:'seed'::bigint % 1000000 / 1000000.0);
update demo set ahead = '2027-01-10T10:00:00Z' - statement_timestamp();
insert into institution (code, name, kind, country, province, log)
values ('A', 'Alfa', 'college', 'NL', 'limburg', 0), ('B', 'Bravo', 'college', 'NL', 'zeeland', 0), ('E', 'Office', 'exam-office', 'NL', null, 0);
insert into exam values ('X', 'E', 'de', 'A2', true, '1', null, null, 0);
insert into session (session, exam, date, closes, seats, place, host, state, log)
select 'S' || y, 'X', make_date(y, 11, 20), make_date(y, 11, 19), 1000, 'x', 'A', 'scheduled', 0 from generate_series(2027, 2033) y;
create temp table asked (party text, role text, line text, answer text);
create function pg_temp.live(days integer) returns void language plpgsql as $$
declare
    party text;
    year integer;
begin
    for day in 1 .. days loop
        year := extract(year from log_today());
        for turn in 1 .. 2 loop
            party := (array['A', 'B'])[1 + floor(random() * 2)::integer];
            perform count(*) from tests.call(party, 'roc', array(
                select format('register session=S%s student=%s name=n born=2009', year, 1000 * year + floor(random() * 300)::integer)
                from generate_series(1, 1 + floor(random() * 9)::integer)));
            perform count(*) from tests.call(party, 'roc', array[format('withdraw session=S%s student=%s', year,
                                                                        1000 * year + floor(random() * 300)::integer)]);
        end loop;
        if random() < 0.3 then
            perform count(*) from tests.call('OCW', 'ocw', array[format('target year=%s language=de rung=seated count=%s', year,
                                                                        floor(random() * 500)::integer)]);
        end if;
        insert into asked (party, role, line)
        select p.party, p.role, l.line
        from (values ('A', 'roc'), ('NUFFIC', 'nuffic')) p (party, role),
             (select format(form, case when random() < 0.5 then floor(random() * ((select log from log_head) + 1))::bigint::text
                                       else (log_today() - 1 - floor(random() * 200)::integer)::text end) as line
              from unnest(array['progress year=' || year || ' as-of=%s', 'progress year=' || year - 1 || ' as-of=%s',
                                'progress year=' || year || ' by=institution as-of=%s', 'backtest as-of=%s', 'progress year=' || year || ' as-of=0', 'progress as-of=%s', 'progress as-of=0'])
                   form) l;
        update asked set answer = coalesce((select string_agg(c.answer, E'\n' order by c.ord) from tests.call(asked.party, asked.role, array[asked.line]) c), 'none')
        where answer is null;
        update demo set ahead = ahead + make_interval(days => 20 + floor(random() * 30)::integer);
    end loop;
end
$$;
select pg_temp.live(55);
select cmp_ok(count(*), '>', 0::bigint, 'forecasts were asked for') from asked where answer ~ 'low=' and line like 'progress%';
select cmp_ok(count(*), '>', 0::bigint, 'and what they said in years before') from asked where answer ~ 'held=' and line like 'backtest%';
select pg_temp.live(3);
create temp table again as
select *, coalesce((select string_agg(c.answer, E'\n' order by c.ord) from tests.call(asked.party, asked.role, array[asked.line]) c), 'none') as now from asked;
select is_empty('select party, line, answer, now from again where answer <> now limit 3', 'all is as it was');
select is_empty('select * from reconcile()', 'and right');

-- A day ends when no write of it can come any more: one that began before midnight may still be on its way.
create function pg_temp.at(moment timestamptz) returns void language sql as $$
    update demo set ahead = make_interval(secs => extract(epoch from moment - statement_timestamp()))
$$;
create function pg_temp.told() returns text language sql as $$
    select regexp_replace(say('NUFFIC', 'nuffic', 'progress year=2090 language=de as-of=2090-03-31'), ' log=.*', '')
$$;
select pg_temp.at('2090-03-31T21:59:00Z'), say('ADMIN', 'admin', 'revoke fingerprint=' || repeat('0', 64)), pg_temp.at('2090-03-31T22:00:30Z');
select is(pg_temp.told(), 'NO not-found field=as-of', 'half a minute after midnight it may not be over');
select pg_temp.at('2090-03-31T22:01:01Z');
select is(pg_temp.told(), '= scope=national year=2090 language=de rung=seated count=0 forecast=none', 'a minute after it is');
select pg_temp.at('2090-03-31T22:00:30Z');
select is(pg_temp.told(), 'NO not-found field=as-of', 'again half a minute after midnight');
select say('ADMIN', 'admin', 'revoke fingerprint=' || repeat('1', 64));
select is(pg_temp.told(), '= scope=national year=2090 language=de rung=seated count=0 forecast=none', 'but not when the next day has begun to write');
select * from finish();
rollback;
