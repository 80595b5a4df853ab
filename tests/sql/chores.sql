-- The registry's own chores: done by news() when something is due, as a write like any other; a fault of one stops nothing.
begin;
select plan(14);
update demo set ahead = '2027-03-01T12:00:00Z' - statement_timestamp();
insert into institution (code, name, kind, country, province, log)
values ('A', 'A', 'college', 'NL', 'drenthe', 0), ('E', 'E', 'exam-office', 'NL', null, 0);
insert into exam values ('X', 'E', 'de', 'A2', true, '1', null, null, 0);

select is((select row(log, fault)::text from news(0)), '(0,)', 'nothing is due in a new registry, and no number is taken');
select is(remind(), null, 'a chore that is done too early does nothing');

select say('E', 'exams', 'schedule session=S exam=X date=2027-05-14 closes=2027-03-09 seats=2 place=Assen host=A',
                         'schedule session=T exam=X date=2027-05-14 closes=2027-03-09 seats=2 place=Assen host=A');
select is((select log from news(0)), 2::bigint, 'nor while the day is not near');
update demo set ahead = ahead + interval '1 day';
select is((select row(log, fault)::text from news(0)), '(3,)', 'what falls due is done under a number');
select is((select row(time::date, party, certificate, origin, verb, fields, outcome)::text from audit where log = 3),
          (select row(registry_today(), 'registry', decode(repeat('00', 32), 'hex'), 'chores', 'remind', 'notices=2',
                      'OK')::text), 'with its row of the log');
select is((select head.head from head where log = 3), (select head from log_head where log = 3), 'and its head');
select is((select log from news(0)), 3::bigint, 'once');
select is((select count(*) from inbox where party = 'A' and log = 3), 2::bigint, 'what it did stays');

-- A fault.
delete from deadline_told;
create or replace function pg_temp.refuse() returns trigger language plpgsql as $$
begin
    raise exception 'no more notices';
end
$$;
create trigger refuse before insert on inbox for each row execute function pg_temp.refuse();
insert into revoked_fingerprint values (decode(repeat('ab', 32), 'hex'), 3);
create temp table told as select * from news(2);
select is((select array_agg(encode(fingerprint, 'hex')) from told where fingerprint is not null),
          array[repeat('ab', 32)], 'news are told though a chore fails');
select matches((select fault from told where fault is not null),
               '^remind: no more notices \(P0001\), PL/pgSQL function .*refuse\(\) line 3', 'and its fault');
select is((select row(log, (select count(*) from deadline_told))::text from log_head), '(3,0)', 'nothing of it stays');
drop trigger refuse on inbox;
select is((select row(log, fault)::text from news(3)), '(3,)', 'then it rests');
select set_config('buurtaal.rest_remind', (clock_timestamp() - interval '1 second')::text, false);
select is((select row(log, fault)::text from news(3)), '(4,)', 'and is tried again');
select results_eq('select log from audit order by log', 'select generate_series(1, (select log from log_head))',
                  'no number is missing');

select * from finish();
rollback;
