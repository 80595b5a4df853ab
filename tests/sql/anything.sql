-- Whatever types.def lets through is answered: no function raises, every refusal has a code of replies.def, and what is
-- stored keeps to its rules. Random lines of all commands from small pools of values, so that they meet, and the ends
-- of every range.
begin;
select plan(6);
\set seed `echo "${BUURTAAL_SEED:-$(date +%s)}"`
select diag('seed ' || :'seed');
select setseed(:'seed'::bigint % 1000000 / 1000000.0);
set local tests.random = 'yes';
update demo set ahead = '2027-03-01T08:00:00Z' - statement_timestamp();

create temp table pool (type text primary key, "values" text[]);
insert into pool values
    ('code', array['A', 'B', 'C', 'K1', 'DIB', 'S1', 'S2', repeat('Z', 64)]), ('title', array['x', repeat('t', 200)]),
        ('text', array['why', repeat('w', 1000)]),
    ('date', array['0001-01-01', '2027-02-28', '2027-03-01', '2027-05-14', '2028-02-29', '9999-12-31']),
    ('year', array['1990', '2026', '2027', '2199']), ('count', array['0', '4', '10000000']), ('seats', array['0', '1',
        '2', '100000']),
    ('attempt', array['1', '1', '2', '3', '1000']), ('points', array['0', '55.5', '60', '10000']), ('log', array['0',
        '3', '999999999999999']),
    ('days', array['0', '28', '366']), ('windows', array['01-03/12-01,04-12/03-01', '01-12/01-01']),
    ('limit', array['1', '2', '5000']), ('after', array['A', ':::', 'A:B:2027:1', '99999999999999999999', '3', 'x:y:z',
        repeat('q', 500)]),
    ('yesno', array['yes', 'no']), ('language', array['de', 'fr']), ('country', array['NL', 'DE']),
    ('fingerprint', array[repeat('a', 64), repeat('b', 64), repeat('c', 64)]), ('oin', array['00000007000250000000',
        '0000000700025LU00000']),
    ('moment', array['0', '3', '2027-01-31', '0001-01-01', '9999-12-31', '999999999999999']), ('student', array['1',
        '2', '3']),
    ('eckid', array['e1', 'e2', 'e3']), ('person_name', array['Jansen', 'Smit']), ('born', array['2008', '2009']),
        ('needs', array['time']), ('irregularity', array['late']), ('reason', array['ill']), ('months', array['1', '18', '1200']);
select is_empty($$select distinct type from tests.field where words is null and type not in (select type from pool)$$,
          'there are values for every type');

create function pg_temp.line(command tests.command) returns text language plpgsql as $$
declare
    line text := command.verb;
    field tests.field;
    choice text[];
begin
    for field in select f.* from tests.field f where f.verb = command.verb order by place loop
        continue when not field.required and random() < case when field.name = 'seen' then 0.9 else 0.6 end;
        choice := coalesce(field.words, (select "values" from pool where type = field.type));
        line := line || ' ' || field.name || '='
            || case when field.clear is not null and not field.required and random() < 0.1 then '-'
                    else choice[1 + floor(random() * cardinality(choice))::integer] end;
    end loop;
    return line;
end
$$;
-- Calls of up to five lines; what went wrong.
create temp table answered (verb text, answer text);
create function pg_temp.say_anything(calls integer) returns table (line text, error text) language plpgsql as $$
declare
    command tests.command;
    lines text[];
    speaker_ text;
begin
    for turn in 1..calls loop
        select * into command from tests.command order by random() limit 1;
        lines := array(select pg_temp.line(command) from generate_series(1, 1 + (random() * 4)::integer));
        speaker_ := command.roles[1 + floor(random() * cardinality(command.roles))::integer];
        begin
            insert into answered
            select command.verb, answer
            from tests.call(case when speaker_ in ('roc', 'exams') then (array['A', 'B',
                'DIB'])[1 + floor(random() * 3)::integer] else upper(speaker_) end,
                            speaker_, lines);
        exception when others then
            line := array_to_string(lines, E'\n');
            error := sqlerrm;
            return next;
            deallocate all;
        end;
        if turn % 40 = 0 then
            update demo set ahead = ahead + interval '20 hours';
        end if;
    end loop;
end
$$;
select say('ADMIN', 'admin', 'institution code=A name=A kind=college country=NL',
    'institution code=B name=B kind=college country=NL',
                             'institution code=DIB name=DIB kind=exam-office country=NL');
select say('ADMIN', 'admin', 'exam exam=K1 issuer=DIB language=de level=A2 certificate=yes edition=1'),
       say('DIB', 'exams', 'schedule session=S1 exam=K1 date=2027-05-14 seats=2 place=x host=A',
           'schedule session=S2 exam=K1 date=2027-06-14 seats=1 place=x host=A');
select is_empty('select * from pg_temp.say_anything(400)', 'nothing raises');
select is_empty($$select distinct (regexp_match(answer, '^NO (\S+)'))[1] from answered where answer ~ '^NO ' except
                  select unnest(string_to_array('not-found not-yours taken not-open closed full ended again changed waiting attended final step range eckid-differs looks-like-bsn revoked live', ' '))$$,
                'every code is one of replies.def');
select cmp_ok((select count(distinct verb) from answered where answer like 'OK%')::integer, '>=', 10,
    'and most writes were done at least once');
select is_empty('select * from reconcile()', 'all sums and seats are right');
select results_eq('select log from audit order by log', 'select generate_series(1, (select log from log_head))',
    'and no number is missing');

select * from finish();
rollback;
