-- What stands around every function of a command: the clock, the number of the running write, who speaks, and the
-- daemon's own questions. Helpers that only functions call are `stable`: they see what the statement that calls them
-- sees.

-- ---- the clock

-- The one clock: the server's, at the start of the statement, plus a demo's offset.
create function registry_now() returns timestamptz language plpgsql stable as $$
begin
    return statement_timestamp() + coalesce((select ahead from demo), interval '0');
end
$$;

-- The day in Amsterdam.
create function registry_today() returns date language plpgsql stable as $$
begin
    return (registry_now() at time zone 'Europe/Amsterdam')::date;
end
$$;

-- The day of a write that runs now: as registry_today(), but never before the newest write's, so that days are in the
-- order of numbers whatever a clock does.
create function log_today() returns date language plpgsql stable as $$
begin
    return greatest(registry_today(), (select head.day from log_head head));
end
$$;

-- RFC 3339 with the zone of Amsterdam: 2027-04-02T10:11:12.5+02:00. NULL for NULL.
create function wire_time(at timestamptz) returns text language plpgsql stable as $$
declare
    utc timestamp := at at time zone 'UTC';
    local timestamp := at at time zone 'Europe/Amsterdam';
begin
    return rtrim(rtrim(to_char(local, 'YYYY-MM-DD"T"HH24:MI:SS.US'), '0'), '.')
        || '+' || to_char(local - utc, 'HH24:MI');
end
$$;

-- ---- who speaks

-- Who a certificate (as handed over: see sql/README.md) speaks for; `code` is NULL, 'revoked' or 'not-granted'. A grant
-- by fingerprint outranks one by OIN, and a revoked fingerprint is dead under both. A college that has ended keeps its
-- certificates, to read on and correct, until the administrator revokes them.
create function speaker(certificate_ bytea) 
returns table (code text, party text, role text) language plpgsql stable as $$
#variable_conflict use_column
declare
    print bytea := substr(certificate_, 1, 32);
    found_revoked bigint;
begin
    if exists (select from revoked_fingerprint where fingerprint = print) then
        code := 'revoked';
        return next;
        return;
    end if;
    select access.party, access.role into party, role from access where fingerprint = print and revoked is null;
    if not found and length(certificate_) = 84 then
        select access.party, access.role, access.revoked into party, role, found_revoked
        from access
        where issuer = substr(certificate_, 33, 32) and oin = encode(substr(certificate_, 65), 'escape')
        order by access.again desc
        limit 1;
    end if;
    code := case when party is null then 'not-granted' when found_revoked is not null then 'revoked' end;
    if code is not null then
        party := null;
        role := null;
    end if;
    return next;
end
$$;

-- Whether a certificate speaks for that party in that role, at this moment of the log: what speaker() says, but by one
-- look in the index for a certificate that has a grant of its own, as every line of a scalar write asks.
create function certificate_live(party_ text, role_ text, certificate_ bytea)
returns boolean language plpgsql stable as $$
#variable_conflict use_column
declare
    live boolean;
begin
    select party = party_ and role = role_ and revoked is null into live
    from access where fingerprint = substr(certificate_, 1, 32);
    if not found then
        live := exists (select from speaker(certificate_) s where s.party = party_ and s.role = role_);
    end if;
    return live;
end
$$;

-- Whether `party` may see and change the rows of `code`: it is its own, or that of a predecessor that has ended, at any
-- distance, and whose chain of successors ends in `party`.
create function acting_for(party_ text, code_ text) returns boolean language plpgsql stable as $$
declare
    holder text := code_;
    heir text;
begin
    if party_ = code_ then
        return true;
    end if;
    loop
        select successor into heir from institution where institution.code = holder and until < registry_today();
        exit when heir is null;
        holder := heir;
    end loop;
    return coalesce(holder = party_, false);
end
$$;

-- All codes that `party` acts for, itself first.
create function acting_codes(party_ text) returns text[] language plpgsql stable as $$
begin
    return array(
        with recursive line (code) as (
            select party_
            union
            select institution.code from institution join line on institution.successor = line.code
            where institution.until < registry_today())
        select code from line where acting_for(party_, code));
end
$$;

-- ---- what commands share

-- A field after a line that gave `given`: NULL leaves what is stored, the type's `clear` (types.def) takes it away.
create function or_stored(given text, stored text) returns text language sql immutable as $$
    select case when given is null then stored else nullif(given, '') end
$$;
create function or_stored(given date, stored date) returns date language sql immutable as $$
    select case when given is null then stored else nullif(given, '-infinity') end
$$;
create function or_stored(given integer, stored integer) returns integer language sql immutable as $$
    select case when given is null then stored else nullif(given, -1) end
$$;
create function or_stored(given numeric, stored numeric) returns numeric language sql immutable as $$
    select case when given is null then stored else nullif(given, -1) end
$$;

-- What `again=asked` means where the newest attempt is `newest` (NULL: there was none), live or ended: 'live' it is the
-- one that lives, 'new' it begins the next, 'ended' it has ended, 'again' it cannot be.
create function attempt_kind(asked integer, newest integer, live boolean) returns text language sql immutable as $$
    select case when newest is null then case when coalesce(asked, 1) = 1 then 'new' else 'again' end
                when coalesce(asked, 1) < newest then 'ended'
                when coalesce(asked, 1) = newest then case when live then 'live' else 'ended' end
                when asked = newest + 1 and not live then 'new'
                else 'again' end
$$;

-- A number in a list's token, parts of which are separated by `:`; NULL where there is none. Tokens come from outside.
create function token_number(token text, part integer) returns bigint language sql immutable as $$
    select case when split_part(token, ':', part) ~ '^[0-9]{1,15}$' then split_part(token, ':', part)::bigint end
$$;

-- ---- around a call

-- Starts a batch of writes: takes the lock on the log's head, so that one batch runs at a time, and notes the batch's
-- number. BT001 when this run of a daemon has already had a batch of that number or a later one committed. `key_` is the
-- number of the oldest key that anything of the batch is sealed with, 0 for none: BT002 when that must not seal any more.
create function batch_open(run_ text, batch_ bigint, key_ integer default 0) returns void language plpgsql as $$
begin
    perform from log_head for update;
    if key_ > 0 and key_ < (select floor from sealing) then
        raise exception 'sealed with key %, which must not seal any more', key_ using errcode = 'BT002';
    end if;
    update daemon_run set batch = batch_, time = registry_now() where run = run_ and batch < batch_;
    if found then
        return;
    end if;
    if exists (select from daemon_run where run = run_) then
        raise exception 'batch % of run % is already committed', batch_, run_ using errcode = 'BT001';
    end if;
    insert into daemon_run (run, batch, time) values (run_, batch_, registry_now());
    delete from daemon_run where time < registry_now() - interval '30 days';
end
$$;

-- Before each request of a call: its number in the log, and whether its certificate still speaks for it.
create function write_open(ord_ bigint, party_ text, role_ text, certificate_ bytea)
returns table (log bigint, live boolean) language plpgsql rows 1 as $$
#variable_conflict use_column
begin
    select set_config('buurtaal.running_log', (head.log + ord_)::text, true)::bigint,
           certificate_live(party_, role_, certificate_)
    into log, live from log_head head;
    return next;
end
$$;

-- The number in the log of the write that runs: of a scalar function only; see write_open.
create function running_log() returns bigint language sql volatile as $$
    select current_setting('buurtaal.running_log')::bigint
$$;

-- Before each request of a read: the newest number, and whether its certificate still speaks for it. Stable, as reads
-- are: all of one statement see the same moment.
create function read_open(party_ text, role_ text, certificate_ bytea)
returns table (log bigint, live boolean) language plpgsql stable rows 1 as $$
#variable_conflict use_column
begin
    select head.log into log from log_head head;
    live := certificate_live(party_, role_, certificate_);
    return next;
end
$$;

-- ---- the daemon's own questions

-- For the greeting, or `* BYE code=`. Notes of who is admitted when the certificate ends, by the seconds since 1970 that
-- it says, so that its party can be told in time.
create function admit(certificate_ bytea, until_ bigint)
returns table (code text, party text, role text, log bigint, head text, "time" text)
language plpgsql rows 1 as $$
#variable_conflict use_column
begin
    select s.code, s.party, s.role into code, party, role from speaker(certificate_) s;
    if code is null then
        perform certificate_note(certificate_, party, role, until_);
    end if;
    select newest.log, encode(newest.head, 'hex'), wire_time(registry_now()) into log, head, "time"
    from log_head newest;
    return next;
end
$$;

-- What is new since a number of the log: always one row with the newest number, the time and which key
-- seals (and whether no value is sealed with another), and one more for each certificate or OIN that was revoked since, or,
-- with `party` and `role`, granted or given another role. On a primary it also ends write backends of a daemon that has stopped
-- in the middle of a batch, which all others wait for, notes once a minute that this schema of the api is in use, and does
-- the registry's own chores; `fault` tells what went wrong with those.
create function news(after_ bigint)
returns table (log bigint, "time" text, fingerprint bytea, oin text, issuer bytea, fault text, key integer, done boolean,
               party text, role text)
language plpgsql as $$
#variable_conflict use_column
declare
    newest bigint;
    fault_ text;
    now_ text := wire_time(registry_now());
begin
    if not pg_is_in_recovery() then
        perform pg_terminate_backend(activity.pid)
        from pg_stat_activity activity
        where activity.datname = current_database() and activity.usename = 'buurtaald'
          and activity.pid <> pg_backend_pid()
          and activity.wait_event = 'ClientRead'
          and activity.xact_start is not null
          -- A long block that has just run is not one that hangs.
          and greatest(activity.xact_start, activity.state_change) < clock_timestamp() - interval '5 s';
        update api set used = now() where name = current_schema() and used < now() - interval '1 minute';
        fault_ := chores();
    end if;
    select head.log into newest from log_head head;
    return query select newest, now_, null::bytea, null::text, null::bytea, fault_, sealing.key, sealing.done, null::text,
                        null::text from sealing;
    return query
        select dead.log, now_, dead.fingerprint, null::text, null::bytea, null::text, null::integer, null::boolean,
               null::text, null::text
        from revoked_fingerprint dead where dead.log > after_ and dead.log <= newest
        union all
        select grant_.revoked, now_, null, grant_.oin, grant_.issuer, null, null, null, null, null
        from access grant_ where grant_.oin is not null and grant_.revoked > after_ and grant_.revoked <= newest
        union all
        select grant_.log, now_, grant_.fingerprint, grant_.oin, grant_.issuer, null, null, null, grant_.party, grant_.role
        from access grant_ where grant_.revoked is null and grant_.log > after_ and grant_.log <= newest;
end
$$;

-- The functions of commands as they are, for the daemon to compare with its table (statement_signature): the verb, the
-- types of the parameters, and the names of the columns.
create function signatures() returns table (function text, parameters text, names text) language sql stable as $$
    select replace(proc.proname, '_', '-'),
           (select string_agg(format_type(input.type, null), ',' order by input.place)
            from unnest(proc.proargtypes::oid[]) with ordinality input (type, place)),
           (select string_agg(rtrim(proc.proargnames[output.place], '_'), ',' order by output.place)
            from unnest(proc.proargmodes) with ordinality output (mode, place) where output.mode = 't')
    from pg_proc proc
    where proc.pronamespace = to_regnamespace(current_schema()) and proc.proargnames @> array['code', 'field']
$$;
