-- The log: every write has a row and a number, in order and without gaps; heads chain them; a batch is not done twice.
begin;
select plan(35);

-- The heads by their definition (PROTOCOL.md), from the rows alone: what any outsider computes.
create function pg_temp.heads_by_definition() returns table (log bigint, head bytea) language plpgsql as $$
declare
    upto bigint;
    row_ record;
    chain bytea := decode(repeat('00', 32), 'hex');
    text_ bytea;
    value text;
    done bigint := 0;
begin
    for upto in select h.log from registry.head h order by h.log loop
        text_ := chain;
        for row_ in select * from audit where audit.log > done and audit.log <= upto order by audit.log loop
            foreach value in array array[row_.log::text, to_char(row_.time at time zone 'UTC', 'YYYY-MM-DD') || 'T'
                                         || to_char(row_.time at time zone 'UTC', 'HH24:MI:SS.US') || 'Z',
                                         row_.party, encode(row_.certificate, 'hex'), row_.origin, row_.verb,
                                             nullif(row_.fields, ''),
                                         row_.outcome] loop
                text_ := text_ || convert_to(coalesce(length(convert_to(value, 'UTF8')) || ':' || value || ',', '-,'),
                    'UTF8');
            end loop;
        end loop;
        chain := sha256(text_);
        done := upto;
        log := upto;
        head := chain;
        return next;
    end loop;
end
$$;

select is((select row(log, encode(head, 'hex'))::text from log_head), format('(0,%s)', repeat('0', 64)),
          'a new registry has an empty log');
select is((select string_agg(log || ' ' || answer, ', ' order by ord) from tests.call('ADMIN', 'admin', array[
               'institution code=25LU name=Älfa kind=college country=NL',
                   'institution code=25LU name=Älfa kind=college country=NL',
               'institution code=25LU name=Alfa kind=college country=DE province=drenthe'])),
          '1 OK, 2 OK repeated=yes, 3 NO range field=province', 'repeats and refusals take numbers too');
select is((select string_agg(log || ' ' || answer, ', ' order by ord) from tests.call('OCW', 'ocw', array[
               'target year=2027 language=de rung=seated count=5000',
                   'target year=2027 language=de rung=seated count=4000'])),
          '4 OK, 5 OK amended=yes', 'the next statement of a transaction goes on behind the last');
select results_eq('select log, verb, outcome, party from audit order by log',
    $$values (1::bigint, 'institution', 'OK', 'ADMIN'), (2, 'institution', 'OK repeated', 'ADMIN'), (3, 'institution', 'NO range', 'ADMIN'),
             (4, 'target', 'OK', 'OCW'), (5, 'target', 'OK amended', 'OCW')$$, 'a row each, with its outcome');
select is((select fields from audit where log = 1), 'institution code=25LU name=Älfa kind=college country=NL',
          'with what was said');
select is((select string_agg(log::text, ' ' order by log) from registry.head), '3 5', 'one head a call');
select results_eq('select log, head from registry.head order by log', 'select * from pg_temp.heads_by_definition()',
    'heads are what the rows say');
select is((select row(log, head)::text from log_head), (select row(log, head)::text from registry.head
          order by log desc limit 1), 'and the newest is known');

-- a big call: each row sees those before it
select is((select string_agg(answer, ',' order by ord) from tests.call('OCW', 'ocw',
               array(select format('target year=2030 language=de rung=seated count=%s', count % 50)
                   from generate_series(1, 1000) count))),
          'OK' || repeat(',OK amended=yes', 999), 'each of 1,000 lines amends the one before');
select is((select string_agg(answer, ',' order by ord) from tests.call('OCW', 'ocw',
               array(select 'target year=2030 language=de rung=seated count=' || count / 2 from generate_series(2,
                   65) count))),
          'OK amended=yes,OK repeated=yes' || repeat(',OK amended=yes,OK repeated=yes', 31),
              'a line twice in a call is a repeat the second time');
select is(say('OCW', 'ocw', 'targets year=2030'), '= year=2030 language=de rung=seated count=32 log=1068',
          'the last one counts');
select results_eq('select log, head from registry.head order by log', 'select * from pg_temp.heads_by_definition()',
    'heads of big calls');
select is((select count(*) from audit), (select max(log) from audit), 'no number is missing');
select is((select array_agg(log order by log) from target where year = 2030 and log <= 1005),
          array(select generate_series(6, 1005))::bigint[],
          'what a write leaves bears its own number');

-- changing one byte anywhere shows
select lives_ok($$update audit set fields = 'x' || substr(fields, 2) where log = 2$$, 'somebody changes a row');
select isnt((select head from pg_temp.heads_by_definition() limit 1), (select head from registry.head
          order by log limit 1), 'and the heads tell');
select lives_ok($$update audit set fields = 'i' || substr(fields, 2) where log = 2$$, 'he puts it back');

-- what does not stay takes no number
create function pg_temp.rehearsed(line text) returns text language plpgsql as $$
begin
    raise exception '%', tests.say('OCW', 'ocw', line) using errcode = 'BT000';
exception when sqlstate 'BT000' then
    return sqlerrm;
end
$$;
select is(pg_temp.rehearsed('target year=2031 language=de rung=seated count=1'), 'OK', 'a rehearsal');
select is((select row(log, (select count(*) from audit), (select max(log) from registry.head))::text from log_head),
          '(1069,1069,1069)', 'leaves nothing');

-- batches
select lives_ok($$select batch_open('a', 7)$$, 'a batch of a new run of a daemon');
select throws_ok($$select batch_open('a', 7)$$, 'BT001', null, 'not the same again');
select throws_ok($$select batch_open('a', 6)$$, 'BT001', null, 'nor an older one');
select throws_ok($$select log_append('x', array['A'], array[sha256('x')], array['::1'], array[''], array['OK', 'OK'])$$,
                 'x gave 2 rows for 1 requests', 'a function that gives a row too many undoes its call');
select throws_ok($$select log_append('x', array['A'], array[sha256('x')], array['::1'], array[''], null)$$,
                 'x gave 0 rows for 1 requests', 'and one that gives none');
select lives_ok($$select batch_open('a', 8)$$, 'but the next');
select lives_ok($$select batch_open('b', 1)$$, 'and that of another run');

-- lists
select is((select string_agg(answer, E'\n' order by ord) from (select * from tests.call('ADMIN', 'admin',
          array['audit log=3'])) one)
              ~ '^= log=3 time=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z party=ADMIN certificate=[0-9a-f]{64} origin=127.0.0.1 verb=institution fields=.* outcome=NO range$',
          true, 'audit as the heads are computed from it');
select is((select string_agg(page.answer, ' ') from
            (select (regexp_match(answer, ' log=(\d+)'))[1] as answer from tests.call('OCW', 'ocw',
                array['heads limit=2'])
             union all
             select (regexp_match(rest.answer, ' log=(\d+)'))[1] from
                 (select max(after) as after from tests.call('OCW', 'ocw', array['heads limit=2'])) first,
                 lateral tests.call('OCW', 'ocw', array['heads after=' || first.after]) rest) page),
          '3 5 1005 1069', 'heads in pages');
select is(say('OCW', 'ocw', 'heads after=nonsense'), 'NO range field=after', 'a token that is none');

-- a line without fields
select log_append('revoke', array['ADMIN'], array[sha256('x')], array['::1'], array[''], array['NO range']);
select results_eq('select log, head from registry.head order by log', 'select * from pg_temp.heads_by_definition()',
    'no fields at all count as absent');
select unalike(say('ADMIN', 'admin', 'audit log=1070'), '% fields=%', 'and are left out');

-- days
update demo set ahead = interval '1 day';
select is(say('OCW', 'ocw', 'target year=2027 language=fr rung=seated count=9'), 'OK', 'a write on the next day');
select is((select string_agg(log::text, ' ') from log_day), '1070', 'yesterday''s last number is kept');
update demo set ahead = interval '-3 days';
select is(say('OCW', 'ocw', 'target year=2028 language=fr rung=seated count=9'), 'OK',
          'a write after the clock went back');
select ok((select max(time) = max(time) filter (where log = 1072) from audit), 'the log''s time does not go back');

select * from finish();
rollback;
