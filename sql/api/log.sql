-- The log: appended to by every call of writes, read by `audit` and `heads`.

-- A time as it stands in the log and in its heads: UTC with six decimals.
create function log_time(at timestamptz) returns text language sql stable as $$
    select to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;

-- Appends the rows of one call, in order, and one head over them; returns the number before its first. Runs after the
-- call's function, under the lock that batch_open took. Under a head stands, for each field of each row, the length of
-- the value in bytes, `:`, the value, `,`; `-,` for no fields at all, which the reply leaves out (PROTOCOL.md).
-- A function that does not give a row a request is our fault: it raises, so that nothing of the call stays.
create function log_append(verb_ text, party_ text[], certificate_ bytea[], origin_ text[], fields_ text[],
                           outcome_ text[])
returns bigint language plpgsql as $$
declare
    before log_head;
    now_ timestamptz;
    today_ date;
    time_text text;
    verb_text text := ',' || octet_length(verb_) || ':' || verb_ || ',';
    text_ text;
    count_ integer := cardinality(outcome_);
    head_ bytea;
begin
    if count_ is distinct from cardinality(party_) then
        raise exception '% gave % rows for % requests', verb_, coalesce(count_, 0), cardinality(party_);
    end if;
    select * into strict before from log_head;
    now_ := greatest(registry_now(), before.time);
    today_ := (now_ at time zone 'Europe/Amsterdam')::date;
    time_text := ',' || octet_length(log_time(now_)) || ':' || log_time(now_) || ',';
    insert into audit (log, time, party, certificate, origin, verb, fields, outcome)
    select before.log + ord, now_, party, substr(certificate, 1, 32), origin, verb_, fields, outcome
    from unnest(party_, certificate_, origin_, fields_, outcome_)
         with ordinality request (party, certificate, origin, fields, outcome, ord);
    select string_agg(length((before.log + ord)::text) || ':' || (before.log + ord) || time_text
                      || octet_length(party) || ':' || party || ',64:' || encode(substr(certificate, 1, 32), 'hex')
                      || ','
                      || octet_length(origin) || ':' || origin || verb_text
                      || case fields when '' then '-,' else octet_length(fields) || ':' || fields || ',' end
                      || octet_length(outcome) || ':' || outcome || ',',
                      '' order by ord)
    into text_
    from unnest(party_, certificate_, origin_, fields_, outcome_)
         with ordinality request (party, certificate, origin, fields, outcome, ord);
    head_ := sha256(before.head || convert_to(text_, 'UTF8'));
    insert into head (log, head) values (before.log + count_, head_);
    if today_ > before.day and before.log > 0 then
        insert into log_day (day, log) values (before.day, before.log);
    end if;
    update log_head set log = before.log + count_, head = head_, time = now_, day = today_;
    return before.log;
end
$$;

create function audit(party_ text, role_ text, certificate_ bytea, only_log bigint, after_ text, limit_ integer)
returns table (code text, field text, log bigint, "time" text, party text, certificate text, origin text, verb text,
               fields text, outcome text, after text)
language plpgsql stable as $$
#variable_conflict use_column
declare
    first bigint := greatest(only_log, token_number(after_, 1) + 1, 0);
    final bigint := coalesce(only_log, 9223372036854775807);
begin
    if after_ is not null and token_number(after_, 1) is null then
        code := 'range';
        field := 'after';
        return next;
        return;
    end if;
    return query
        select null, null, a.log, log_time(a.time), a.party, encode(a.certificate, 'hex'), a.origin, a.verb,
               nullif(a.fields, ''), a.outcome, a.log::text
        from audit a
        where a.log between first and final
        order by a.log
        limit limit_;
end
$$;

create function heads(party_ text, role_ text, certificate_ bytea, only_log bigint, after_ text, limit_ integer)
returns table (code text, field text, log bigint, head text, after text) language plpgsql stable as $$
#variable_conflict use_column
declare
    first bigint := greatest(only_log, token_number(after_, 1) + 1, 0);
    final bigint := coalesce(only_log, 9223372036854775807);
begin
    if after_ is not null and token_number(after_, 1) is null then
        code := 'range';
        field := 'after';
        return next;
        return;
    end if;
    return query
        select null, null, h.log, encode(h.head, 'hex'), h.log::text
        from head h
        where h.log between first and final
        order by h.log
        limit limit_;
end
$$;
