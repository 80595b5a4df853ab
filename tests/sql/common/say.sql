-- What every test of tests/sql/ uses: pgTAP, and say(), which does what the daemon does with lines of the protocol, in the
-- shape of sql/README.md, and gives the answers as text.

create schema tap;
create extension pgtap schema tap;
create schema tests;
grant usage on schema tests to public;

create table tests.command (verb text primary key, kind text not null, replies text[] not null);
create table tests.field (verb text, place integer, name text not null, sql text not null, clear text, sealed boolean not null,
                          primary key (verb, place));

-- What `buurtaald migrate` does after building the api: definer, search path and grant of what the daemon calls.
create function tests.release(api text) returns void language plpgsql as $$
declare
    called regprocedure;
begin
    for called in
        select proc.oid from pg_proc proc
        where proc.pronamespace = api::regnamespace
          and (replace(proc.proname, '_', '-') in (select verb from tests.command)
               or proc.proname in ('batch_open', 'write_open', 'read_open', 'log_append', 'admit', 'news', 'signatures'))
    loop
        execute format('alter function %s security definer set search_path = %I, registry, public, pg_temp', called, api);
        execute format('grant execute on function %s to buurtaald', called);
    end loop;
    execute format('grant usage on schema %I to buurtaald', api);
    execute format('alter database %I set search_path = %I, registry, public, tap, tests', current_database(), api);
    execute format('alter database %I set timezone = ''Europe/Amsterdam''', current_database());
end
$$;

-- The fingerprint that a test's party has in a role, granted the first time it is used.
create function tests.fingerprint(party text, role text) returns bytea language sql immutable as $$
    select sha256(convert_to(party || ' ' || role, 'UTF8'))
$$;
create function tests.admitted(party_ text, role_ text) returns bytea language plpgsql as $$
begin
    insert into registry.access (party, role, fingerprint, granted, log)
    values (party_, role_, tests.fingerprint(party_, role_), 0, 0)
    on conflict do nothing;
    return tests.fingerprint(party_, role_);
end
$$;

-- A sealed value as the daemon hands it over: 32 bytes that tell equal from different, then what it would encrypt.
create function tests.sealed(name text, value text) returns bytea language sql immutable as $$
    select sha256(convert_to(name || ' ' || value, 'UTF8')) || convert_to('sealed:' || value, 'UTF8')
$$;
create function tests.opened(value bytea) returns text language sql immutable as $$
    select regexp_replace(convert_from(substr(value, 33), 'UTF8'), '^sealed:', '')
$$;

-- The value of a field in a line; NULL when it is absent. Understands name=bare and name="in quotes".
create function tests.value_of(line text, name text) returns text language sql immutable as $$
    select trim(both '"' from (regexp_match(line, ' ' || name || '=("[^"]*"|[^ ]+)'))[1])
$$;

-- The statement for a verb, as daemon/statement.c writes it, giving one line of text per row.
create function tests.statement(verb_ text) returns text language plpgsql stable as $$
declare
    command tests.command;
    writes boolean;
    function text := replace(verb_, '-', '_');
    lead integer;
    arrays text;
    names text;
    arguments text;
    columns text;
    source text;
    shown text;
begin
    select * into strict command from tests.command where verb = verb_;
    writes := command.kind like 'WRITE%';
    lead := case when writes then 5 else 3 end;
    select string_agg(format(', $%s::%s[]', place + lead, case when sealed then 'bytea' else 'text' end), '' order by place),
           string_agg(format(', p%s', place), '' order by place),
           string_agg(case when command.kind = 'WRITE_SET' then format(', $%s::%s[]', place + lead, sql)
                           else format(', p%s::%s', place, sql) end, '' order by place)
    into arrays, names, arguments from tests.field where field.verb = verb_;
    columns := 'refusal, fault'
        || (select string_agg(format(', %I', name), '' order by place) from unnest(command.replies) with ordinality reply (name, place))
        || case command.kind when 'LIST' then ', "after"' else '' end;
    source := case when writes then 'answer' else 'reply' end;
    shown := 'coalesce(''NO '' || refusal, ' || case when writes then '''OK''' else '''=''' end || ') || coalesce('' field='' || fault, '''')'
        || (select string_agg(format(' || coalesce('' %s='' || tests.shown(%s.%I), '''')', name, source, name), '' order by place)
            from unnest(command.replies) with ordinality reply (name, place));
    if command.kind = 'WRITE_SET' then
        return format('with answer as materialized (select called.* from %I($1, $2, $3%s) with ordinality called (%s, ord)), '
            'logged (base) as materialized (select log_append(%L, $1, $3, $4, $5, array_agg(case when refusal is not null then '
            '''NO '' || refusal when repeated then ''OK repeated'' when amended then ''OK amended'' else ''OK'' end order by ord)) '
            'from answer) select ord, base + ord, %s, null::text from answer, logged order by ord',
            function, arguments, columns, verb_, shown);
    elsif writes then
        return format('with answer as materialized (select request.ord, reply.* from unnest($1::text[], $2::text[], $3::bytea[], '
            '$4::text[], $5::text[]%s) with ordinality request (party, role, certificate, origin, fields%s, ord), '
            'lateral write_open(request.ord, party, role, certificate) open (log, live), '
            'lateral (select called.* from %I(party, role, certificate%s) called where open.live '
            'union all select ''revoked'', null%s where not open.live) reply (%s)), '
            'logged (base) as materialized (select log_append(%L, $1, $3, $4, $5, array_agg(case when refusal is not null then '
            '''NO '' || refusal%s%s else ''OK'' end order by ord)) '
            'from answer) select ord, base + ord, %s, null::text from answer, logged order by ord',
            arrays, names, function, arguments, repeat(', null', cardinality(command.replies)), columns, verb_,
            case when 'repeated' = any (command.replies) then ' when repeated then ''OK repeated''' else '' end,
            case when 'amended' = any (command.replies) then ' when amended then ''OK amended''' else '' end, shown);
    end if;
    return format('select request.ord, open.log, %s, %s from unnest($1::text[], $2::text[], $3::bytea[]%s) with ordinality '
        'request (party, role, certificate%s, ord), lateral read_open(party, role, certificate) open (log, live), '
        'lateral (select called.* from %I(party, role, certificate%s) called where open.live '
        'union all select ''revoked'', null%s where not open.live) reply (%s)',
        shown, case command.kind when 'LIST' then 'reply."after"' else 'null::text' end, arrays, names, function, arguments,
        repeat(', null', cardinality(command.replies) + (command.kind = 'LIST')::integer), columns);
end
$$;
create function tests.shown(value anyelement) returns text language sql immutable strict as $$
    select case pg_typeof(value)::text when 'boolean' then case when value::text = 'true' then 'yes' else 'no' end
                                       when 'bytea' then tests.opened(value::text::bytea)
                                       else value::text end
$$;

-- One call of requests of one verb, each a line said by a party in a role: a row an answer (reads: a row a data row).
create function tests.call(party text, role text, lines text[])
returns table (ord bigint, log bigint, answer text, after text) language plpgsql as $$
declare
    verb_ text := split_part(lines[1], ' ', 1);
    command tests.command;
    count integer := cardinality(lines);
    given text;
    statement text := tests.statement(verb_);
begin
    select * into strict command from tests.command where tests.command.verb = verb_;
    select string_agg(', ' || case
               when field.sealed then
                   (select format('array[%s]::bytea[]', string_agg(coalesce(quote_literal(
                        case when value = '-' then '' else tests.sealed(field.name, value)::text end), 'null'), ', ' order by place))
                    from (select place, tests.value_of(line, field.name) as value from unnest(lines) with ordinality said (line, place)) v)
               else
                   (select format('array[%s]::%s[]', string_agg(coalesce(quote_literal(
                        case when value = '-' then field.clear when value = 'yes' and field.sql = 'boolean' then 'true'
                             when value = 'no' and field.sql = 'boolean' then 'false' else value end), 'null'), ', ' order by place),
                        case when command.kind = 'WRITE_SET' then field.sql else 'text' end)
                    from (select place, tests.value_of(line, field.name) as value from unnest(lines) with ordinality said (line, place)) v)
           end, '' order by field.place)
    into given from tests.field where field.verb = verb_;
    if command.kind like 'WRITE%' then
        perform batch_open('test', coalesce((select batch from registry.daemon_run where run = 'test'), 0) + 1);
    end if;
    execute format('prepare said%s as %s', case command.kind when 'WRITE_SET' then '(text[], text[], bytea[], text[], text[]'
        || (select string_agg(format(', %s[]', sql), '' order by place) from tests.field where field.verb = verb_) || ')' else '' end,
        statement);
    return query execute format('execute said(%L::text[], %L::text[], %L::bytea[]%s%s)', array_fill(party, array[count]),
        array_fill(role, array[count]), array_fill(tests.admitted(party, role), array[count]),
        case when command.kind like 'WRITE%' then format(', %L::text[], %L::text[]', array_fill('127.0.0.1'::text, array[count]), lines)
             else '' end, given);
    deallocate said;
end
$$;

-- The answers to one line or several of one verb, sent as one call: a line each, of reads the data rows.
create function tests.say(party text, role text, variadic lines text[]) returns text language sql as $$
    select string_agg(answer, E'\n' order by ord) from tests.call(party, role, lines)
$$;
