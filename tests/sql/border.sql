-- The clock, whose rows, what the daemon is told at its start.
begin;
select plan(27);

select is(wire_time('2027-04-02T08:11:12.5Z'), '2027-04-02T10:11:12.5+02:00', 'times in Amsterdam, in summer');
select is(wire_time('2027-01-02T08:00:00Z'), '2027-01-02T09:00:00+01:00', 'and in winter');
select is(wire_time('2027-01-02T08:11:10.000120Z'), '2027-01-02T09:11:10.00012+01:00',
          'with what is needed of the fraction');
select is(wire_time(null), null, 'no time is no time');
select is(registry_now(), statement_timestamp(), 'the clock is the server''s');
update demo set ahead = interval '400 days';
select is(registry_now(), statement_timestamp() + interval '400 days', 'a demo''s runs ahead');
update demo set ahead = '2027-03-27T23:30:00Z' - statement_timestamp();
select is(registry_today(), date '2027-03-28', 'the day is Amsterdam''s');
delete from demo;
select is(registry_now(), statement_timestamp(), 'a registry that is no demo has no row, and the server''s clock');

select results_eq($$select function from signatures() where function in (select verb from tests.command) order by 1$$,
                  'select verb from tests.command order by 1', 'every command has its function');
select is((select parameters || ' -> ' || names from signatures() where function = 'institution-end'),
          'text,text,bytea,text,date,text,bigint -> code,field,repeated,amended,last', 'a signature');
select is((select names from signatures() where function = 'electives'),
          'code,field,code,title,language,receptive,productive,hours,set,enrol-until,complete-until,log,after',
              'with names as on the wire');

-- whose rows
insert into institution (code, name, kind, country, until, successor, log)
values ('C', 'C', 'college', 'NL', null, null, 0), ('B', 'B', 'college', 'NL', registry_today() - 1, 'C', 0),
       ('A', 'A', 'college', 'NL', registry_today() - 9, 'B', 0), ('D', 'D', 'college', 'NL', registry_today(), 'C', 0);
select ok(acting_for('C', 'C') and acting_for('C', 'B') and acting_for('C', 'A'),
    'a college acts for itself and its predecessors');
select ok(not acting_for('C', 'D'), 'not before the last day of one has passed');
select ok(acting_for('B', 'B') and not acting_for('B', 'A'), 'one that has ended acts for itself alone');
select ok(not acting_for('A', 'C') and not acting_for('B', 'C'), 'and not for its successor');
select ok(not acting_for('C', 'nobody') and not acting_for('nobody', 'C'), 'nor anybody for what is not there');
select is((select array_agg(code order by code) from unnest(acting_codes('C')) code), array['A', 'B', 'C'],
          'all of them');
select is(acting_codes('A'), array['A'], 'and of one that has ended');

-- attempts
select is(array[attempt_kind(null, null, null), attempt_kind(1, null, null), attempt_kind(2, null, null)], array['new',
          'new', 'again'],
          'the first attempt is 1, also unsaid');
select is(array[attempt_kind(null, 1, true), attempt_kind(1, 1, true), attempt_kind(2, 1, true)], array['live', 'live',
          'again'],
          'while one lives there is no next');
select is(array[attempt_kind(null, 1, false), attempt_kind(2, 1, false), attempt_kind(3, 1, false)], array['ended',
          'new', 'again'],
          'the next begins after the last has ended');
select is(array[attempt_kind(null, 2, true), attempt_kind(2, 2, true), attempt_kind(1, 3, false)], array['ended',
          'live', 'ended'],
          'earlier ones have ended');

-- tokens come from outside
select is(array[token_number('12', 1), token_number('a:7', 2), token_number('', 1), token_number('-1', 1),
          token_number('9999999999999999999', 1),
                token_number('a', 2)], array[12, 7, null, null, null, null]::bigint[], 'a number in a token, or none');
select is((select count(*) from admit('\x', 0)), 1::bigint, 'a certificate of any length gets an answer');

-- the api in use
update api set used = now() - interval '30 seconds';
select is((select count(*) from news(0)), 1::bigint, 'news of an empty log is one row');
select is((select used from api), now() - interval '30 seconds', 'that the api is in use is noted once a minute');
update api set used = now() - interval '2 hours';
select news(0);
select is((select used from api where name = current_schema()), now(), 'and then it is');

select * from finish();
rollback;
