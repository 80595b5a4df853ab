-- What every test of tests/sql/ uses: pgTAP, and say(), which does what the daemon does with lines of the protocol, in
-- the shape of sql/README.md, and gives the answers as text.

create schema tap;
create extension pgtap schema tap;
create schema tests;
grant usage on schema tests to public;

-- The rows of commands.def, with the statement that the daemon prepares for each.
create table tests.command (verb text primary key, kind text not null, roles text[] not null, replies text[] not null,
                            statement text not null);
create table tests.field (verb text, place integer, name text not null, clear text, sealed boolean not null,
                          required boolean not null, type text not null, words text[], primary key (verb, place));

-- The fingerprint that a test's party has in a role, granted the first time it is used.
create function tests.fingerprint(party text, role text) returns bytea language sql immutable as $$
    select sha256(convert_to(party || ' ' || role, 'UTF8'))
$$;
create function tests.admitted(party_ text, role_ text) returns bytea language plpgsql as $$
begin
    insert into access (party, role, fingerprint, granted, log)
    values (party_, role_, tests.fingerprint(party_, role_), 0, 0)
    on conflict do nothing;
    return tests.fingerprint(party_, role_);
end
$$;

-- So that registrations can be put in by hand: every college's contingent at every session.
create function tests.contingents_make() returns void language plpgsql as $$
begin
    insert into contingent (session, college, cell)
    select session, code, cell_made(session, code) from session, institution
    on conflict do nothing;
end
$$;

-- A sealed value as the daemon hands it over: 32 bytes that tell equal from different, the flags, then what it would
-- encrypt. Here what begins with `BSN` passes for a BSN.
create function tests.sealed(name text, value text) returns bytea language sql immutable as $$
    select sha256(convert_to(name || ' ' || value, 'UTF8')) || decode(case when value like 'BSN%' then '01'
        else '00' end, 'hex')
           || convert_to('sealed:' || value, 'UTF8')
$$;
create function tests.opened(value bytea) returns text language sql immutable as $$
    select regexp_replace(convert_from(substr(value, 34), 'UTF8'), '^sealed:', '')
$$;

-- The value of a field in a line; NULL when it is absent. Understands name=bare and name="in quotes".
create function tests.value_of(line text, name text) returns text language sql immutable as $$
    select trim(both '"' from (regexp_match(line, ' ' || name || '=("[^"]*"|[^ ]+)'))[1])
$$;

create function tests.shown(value anyelement) returns text language sql immutable strict as $$
    select case pg_typeof(value)::text when 'boolean' then case when value::text = 'true' then 'yes' else 'no' end
                                       when 'bytea' then tests.opened(value::text::bytea)
                                       else value::text end
$$;

-- One field of all lines, as an array that stands in SQL.
create function tests.array_of(field tests.field, lines text[]) returns text language sql immutable as $$
    select format('array[%s]::%s[]',
                  string_agg(coalesce(quote_literal(case when value = '-' then field.clear
                                                         when field.sealed then tests.sealed(field.name, value)::text
                                                         else value end), 'null'), ', ' order by place),
                  case when field.sealed then 'bytea' else 'text' end)
    from (select place, tests.value_of(line, field.name) as value from unnest(lines) with ordinality said (line,
        place)) given
$$;

-- What commands were answered, in every test: a bit a code in a sequence a verb, since those are not taken back with the
-- rest. tests/sql/coverage reads it. A test of random lines says so by the setting tests.random: what it sees is chance.
create table tests.code (code text primary key, bit integer not null unique);
create function tests.note(verb text, answer text) returns void language plpgsql as $$
declare
    name text := 'tests.said_' || replace(verb, '-', '_');
    mask bigint := 1::bigint << (select bit from tests.code
                                 where code = coalesce(substring(answer from '^NO ([a-z-]+)'), 'OK'));
    before bigint;
begin
    execute format('select last_value from %s', name) into before;
    if before & mask = 0 and current_setting('tests.random', true) is distinct from 'yes' then
        perform setval(name, before | mask);
    end if;
end
$$;
create function tests.said() returns table (verb text, code text) language plpgsql as $$
declare
    one record;
    mask bigint;
begin
    for one in select command.verb from tests.command loop
        execute format('select last_value from tests.said_%s', replace(one.verb, '-', '_')) into mask;
        return query select one.verb, known.code from tests.code known where mask & (1::bigint << known.bit) <> 0;
    end loop;
end
$$;

-- One call of requests of one verb, each a line said by a party in a role: a row an answer (of reads, a row a data
-- row).
create function tests.call(party text, role text, lines text[])
returns table (ord bigint, log bigint, answer text, after text) language plpgsql as $$
#variable_conflict use_column
declare
    command tests.command;
    count integer := cardinality(lines);
    columns text;
    shown text;
    given text;
    none boolean := true;
begin
    select * into strict command from tests.command where verb = split_part(lines[1], ' ', 1);
    select string_agg(format(', %I', name), '' order by place),
           string_agg(format(' || coalesce('' %s='' || tests.shown(reply.%I), '''')', name, name), '' order by place)
    into columns, shown from unnest(command.replies) with ordinality reply (name, place);
    select string_agg(', ' || tests.array_of(field, lines), '' order by place) into given
    from tests.field field where field.verb = command.verb;
    if command.kind like 'WRITE%' then
        perform batch_open('test', coalesce((select batch from daemon_run where run = 'test'), 0) + 1);
        given := format(', %L::text[], %L::text[]', array_fill('127.0.0.1'::text, array[count]), lines) || given;
    end if;
    execute format('prepare said as select request, logged, coalesce(''NO '' || refusal, %L) || coalesce('' field='' || fault, '''')%s, '
                   '%s from (%s) reply (request, logged, present, refusal, fault%s%s) where present order by request',
                   case when command.kind like 'WRITE%' then 'OK' else '=' end, shown,
                   case command.kind when 'LIST' then 'reply."after"' else 'null::text' end,
                   command.statement, columns, case command.kind when 'LIST' then ', "after"' else '' end);
    for ord, log, answer, after in
        execute format('execute said(%L::text[], %L::text[], %L::bytea[]%s)', array_fill(party, array[count]),
                       array_fill(role, array[count]), array_fill(tests.admitted(party, role), array[count]), given)
    loop
        perform tests.note(command.verb, answer);
        none := false;
        return next;
    end loop;
    if none then
        perform tests.note(command.verb, 'OK');
    end if;
    deallocate said;
end
$$;

-- The answers to one line or several of one verb, sent as one call: a line each, of reads the data rows.
create function tests.say(party text, role text, variadic lines text[]) returns text language sql as $$
    select string_agg(answer, E'\n' order by ord) from tests.call(party, role, lines)
$$;
