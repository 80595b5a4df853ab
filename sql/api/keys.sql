-- Sealing keys: which may seal, and which values are still sealed with another. SQL sees numbers and fingerprints of keys;
-- it opens nothing.
--
-- Rules: a key seals when every daemon that is connected has it, so that each can open what any of them seals. A daemon
-- that lacks a key that may still be needed is refused. The number of the key stands in every sealed value, behind its
-- hash and its flags.
--
-- A reason that a version before sealed ones wrote as it came is kept as a sealed value of key 0, which is none: its text
-- stands where the encrypted one would, the daemon reads it as it is, and the walk has it sealed.
--
-- The walk goes over all sealed values, by primary key, some rows a step, under the lock of the log's head. It hands out
-- what is sealed with another key than the one that seals, each once. What comes back is stored where the value still is
-- what it was. A walk that hands out nothing, begun when no older key could seal any more, proves that none is left.

-- All sealed columns: each value, and the object that it is bound to. The name is the field's, too. A new sealed column is
-- a row here (tests/sql/keys.sql looks for those that are not).
create function sealed_columns() returns table (place integer, relation text, name text, object text)
language sql immutable as $$
    values (1, 'student', 'student', null),
           (2, 'eckid', 'eckid', null),
           (3, 'registration', 'name', 't.student_hash'),
           (4, 'registration', 'born', 't.student_hash'),
           (5, 'registration', 'needs', 't.student_hash'),
           (6, 'attendance', 'irregularity', '(select r.student_hash from registry.registration r where r.entered = t.entered)'),
           (7, 'withdrawal', 'reason', '(select r.student_hash from registry.registration r where r.entered = t.entered)')
$$;

-- The columns of a table's primary key, and their types, in order.
create function key_columns(relation_ text) returns table (place bigint, name text, type text) language sql stable as $$
    select part.place, quote_ident(attribute.attname), format_type(attribute.atttypid, null)
    from pg_index index_, unnest(index_.indkey) with ordinality part (number, place)
    join pg_attribute attribute on attribute.attnum = part.number
    where index_.indrelid = format('registry.%I', relation_)::regclass and index_.indisprimary
      and attribute.attrelid = index_.indrelid
$$;

-- Of the next `most` rows of a column behind the row `after` (NULL: from the first), in the order of the primary key: those
-- whose value is sealed with another key than `key_` (NULL: all), and the last; the first `given_most` of them. `nth` counts
-- from 1; where neither bound is met, the column is over. The number of the key stands behind the hash and the flags.
create function sealed_read(place_ integer, after_ jsonb, most integer, given_most integer, key_ integer)
returns table (nth bigint, "row" jsonb, object bytea, value bytea, stale boolean) language plpgsql stable
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off as $$
declare
    said text;
begin
    select format('select t.nth, jsonb_build_array(%1$s), %2$s, t.%3$I, '
                  'coalesce($2 is null or substr(t.%3$I, 34, 4) <> int4send($2), false) '
                  'from (select t.*, row_number() over (order by %1$s) as nth from registry.%4$I t %5$s order by %1$s '
                  'limit %6$s) t '
                  'where t.nth = %6$s or $2 is null or substr(t.%3$I, 34, 4) <> int4send($2) '
                  'order by %1$s limit %7$s',
                  key.names, coalesce(sealed.object, 'null::bytea'), sealed.name, sealed.relation,
                  case when after_ is not null then format(' where (%s) > (%s)', key.names, key.given) else '' end, most,
                  given_most)
    into said
    from sealed_columns() sealed, lateral (
        select string_agg('t.' || part.name, ', ' order by part.place) as names,
               string_agg(format('($1->>%s)::%s', part.place - 1, part.type), ', ' order by part.place) as given
        from key_columns(sealed.relation) part) key
    where sealed.place = place_;
    return query execute said using after_, key_;
end
$$;

-- Stores values of one column in place of what they were, where they still are that. By index, whatever the planner thinks
-- of a table that was just filled.
create function sealed_store(place_ integer, row_ text[], old_ bytea[], new_ bytea[]) returns void language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
    said text;
begin
    select format('update registry.%I t set %2$I = v.new from unnest($1::jsonb[], $2, $3) v ("row", old, new) '
                  'where v.new is not null and t.%2$I = v.old and %3$s', sealed.relation, sealed.name,
                  (select string_agg(format('t.%s = (v."row"->>%s)::%s', part.name, part.place - 1, part.type), ' and ')
                   from key_columns(sealed.relation) part))
    into said from sealed_columns() sealed where sealed.place = place_;
    execute said using row_, old_, new_;
end
$$;

-- The connections of daemons, of both kinds, each with its newest key: by the locks that keys_open() takes. Those to a
-- standby are not among them.
create function daemons() returns table (pid integer, newest bigint) language sql volatile as $$
    select pid, objid::bigint
    from pg_locks
    where locktype = 'advisory' and classid = 1801812339 and objsubid = 2
      and database = (select oid from pg_database where datname = current_database())
$$;

-- Whether a daemon is connected whose newest key is older.
create function older_daemon(key_ integer) returns boolean language sql volatile as $$
    select exists (select from daemons() where newest < key_)
$$;

-- Reasons that an earlier version wrote as they came get the place and the form of sealed ones. Whether there were any.
create function reasons_cover() returns boolean language plpgsql
set enable_seqscan = off set enable_bitmapscan = off as $$
begin
    insert into withdrawal (entered, reason)
    select entered, decode(repeat('00', 53), 'hex') || convert_to(reason, 'UTF8') from registration
    where reason is not null and reason <> ''
    on conflict do nothing;
    update registration set reason = null where reason is not null;
    return found;
end
$$;

-- The keys of a daemon or a file, as seal_prints() tells them.
create function keys_matching(keys_ text) returns bytea language sql immutable as $$
    select decode(split_part(keys_, ' ', 1), 'hex')
$$;
create function keys_sealing(keys_ text) returns table (number integer, print bytea) language sql immutable as $$
    select split_part(word, '=', 1)::integer, decode(split_part(word, '=', 2), 'hex')
    from unnest((string_to_array(keys_, ' '))[2:]) word
$$;

-- What is wrong with these keys; NULL: a daemon may serve with them.
create function keys_fault(state sealing, keys_ text) returns text language plpgsql stable as $$
declare
    wrong integer;
begin
    if state.matching <> keys_matching(keys_) then
        return 'matching key: the registry''s is another; take the file of keys that its other daemons have, or had '
               'before `buurtaald rekey`; when that was cut short, run it again';
    end if;
    select min(known.number) into wrong
    from sealing_key known join keys_sealing(keys_) shown on shown.number = known.number and shown.print <> known.print;
    if wrong is not null then
        return format('sealing key %s: the registry knows another under that number', wrong);
    end if;
    select min(known.number) into wrong from sealing_key known
    where known.number <= state.key and not known.retired
      and not exists (select from keys_sealing(keys_) shown where shown.number = known.number);
    if wrong is not null then
        return format('sealing key %s: it is missing, and may still be needed', wrong);
    end if;
    return null;
end
$$;

-- A file of keys is to lose the key `number_`: what is wrong with what is left, `keys_`; NULL when daemons may serve with that.
create function key_drop(keys_ text, number_ integer) returns text language plpgsql as $$
declare
    state sealing;
    fault text;
begin
    select * into state from sealing;
    fault := keys_fault(state, keys_);
    if fault is null and number_ > state.key and exists (select from daemons() where newest >= number_) then
        fault := format('sealing key %s: a daemon that is connected has it, and the registry will seal with it when all have', number_);
    end if;
    return fault;
end
$$;

-- A daemon shows its keys, `MATCH NUMBER=PRINT ...`, over a connection: NULL, or what is wrong with them. Until that ends,
-- or it shows others, daemons() knows its newest. Who connects waits for who changes `sealing`, and the other way
-- round: so no key begins to seal that it lacks.
create function keys_open(keys_ text, writes boolean) returns text language plpgsql as $$
declare
    newest integer := (select max(number) from keys_sealing(keys_));
    state sealing;
    fault text;
begin
    perform pg_advisory_unlock_all();
    perform pg_advisory_lock_shared(1801812339, newest);
    if writes then
        select * into state from sealing for update;
    elsif pg_is_in_recovery() then
        select * into state from sealing;
    else
        select * into state from sealing for share;
    end if;
    fault := keys_fault(state, keys_);
    if fault is not null or not writes then
        return fault;
    end if;
    if state.matching is null then
        -- With one key alone, and nothing sealed yet, there is nothing to look for.
        update sealing set matching = keys_matching(keys_), key = newest, since = clock_timestamp(), floor = newest,
                           done = (select count(*) from keys_sealing(keys_)) = 1 and not exists (select from student);
    end if;
    insert into sealing_key (number, print) select number, print from keys_sealing(keys_) on conflict do nothing;
    if reasons_cover() then
        update sealing set done = false, rest = null, place = 1, after = null, seen = 0, found = 0, unopened = 0;
    end if;
    return null;
end
$$;

-- The walk begins again.
create function walk_anew(state sealing) returns sealing language plpgsql stable as $$
begin
    state.place := 1;
    state.after := null;
    state.seen := 0;
    state.found := 0;
    state.unopened := 0;
    return state;
end
$$;

-- The walk is over: either no value is under another key, and none can come any more, or it begins again when every
-- daemon must have been told which key seals; after an hour, when all that is left does not open.
create function walk_ended(state sealing) returns sealing language plpgsql volatile as $$
begin
    if state.found = 0 and state.floor = state.key then
        state.done := true;
        update sealing_key set retired = true where number < state.key and not retired;
        return state;
    end if;
    state.rest := case when state.found > 0 and state.unopened >= state.found then clock_timestamp() + interval '1 hour'
                       else greatest(clock_timestamp(), state.since + interval '5 s') end;
    return walk_anew(state);
end
$$;

-- The rows that the walk has still to see, as far as the statistics know.
create function reseal_left(place_ integer, seen_ bigint) returns bigint language sql stable as $$
    select greatest(coalesce(sum(greatest(relation.reltuples, 0)), 0)::bigint - seen_, 0)
    from sealed_columns() sealed
    join pg_class relation on relation.oid = format('registry.%I', sealed.relation)::regclass
    where sealed.place >= place_
$$;

-- The next step of a daemon whose newest key is `newest`. Lets that key seal when all have it; then hands out some values
-- that are sealed with another. The last row tells the key that seals, whether no value is under another, and how many
-- rows are left to see, NULL when there is nothing to do now. It is a transaction of its own, as reseal() is.
create function reseal_next(newest integer)
returns table (key integer, done boolean, "left" bigint, place integer, name text, "row" jsonb, object bytea, value bytea)
language plpgsql as $$
#variable_conflict use_column
declare
    state sealing;
    step record;
    looked integer := 0;
    handed integer := 0;
    looked_most constant integer := 2000;
    handed_most constant integer := 64;
begin
    select * into strict state from sealing for update;
    if newest > state.key and not older_daemon(newest) then
        state.key := newest;
        state.since := clock_timestamp();
        state.done := false;
        state.rest := null;
        state := walk_anew(state);
    elsif not state.done and state.place > (select max(sealed.place) from sealed_columns() sealed) then
        state := walk_ended(state);
    end if;
    if state.rest <= clock_timestamp() then -- each daemon has long been told which key seals
        state.floor := state.key;
        state.rest := null;
    end if;
    if not state.done and state.rest is null then
        select sealed.place, sealed.name into place, name from sealed_columns() sealed where sealed.place = state.place;
        for step in select * from sealed_read(state.place, state.after, looked_most, handed_most, state.key) loop
            looked := step.nth;
            state.after := step."row";
            if step.stale then
                handed := handed + 1;
                "row" := step."row";
                object := step.object;
                value := step.value;
                return next;
                exit when handed = handed_most;
            end if;
        end loop;
        state.seen := state.seen + looked;
        state.found := state.found + handed;
        if looked < looked_most and handed < handed_most then
            state.place := state.place + 1;
            state.after := null;
            state.seen := 0;
        end if;
        "left" := reseal_left(state.place, state.seen);
    end if;
    -- What a crash takes away is only done again; not so once it is told that the older keys may go.
    if not state.done then
        perform set_config('synchronous_commit', 'off', true);
    end if;
    update sealing set (key, since, floor, done, place, after, seen, found, unopened, rest)
        = (state.key, state.since, state.floor, state.done, state.place, state.after, state.seen, state.found, state.unopened,
           state.rest);
    return query select state.key, state.done, "left", null::integer, null, null::jsonb, null::bytea, null::bytea;
end
$$;

-- What was sealed anew, as it was and as it is; NULL for what did not open. The value itself cannot change by it: its hash
-- stays, where it had one.
create function reseal(place_ integer[], row_ text[], old_ bytea[], new_ bytea[]) returns void language plpgsql as $$
begin
    perform set_config('synchronous_commit', 'off', true); -- as in reseal_next()
    perform sealed_store(given.place, array_agg(given.said), array_agg(given.old), array_agg(given.new))
    from unnest(place_, row_, old_, new_) given (place, said, old, new)
    where substr(given.new, 1, 33) = substr(given.old, 1, 33) or substr(given.old, 34, 4) = int4send(0)
    group by given.place;
    if array_position(new_, null) is not null then
        update sealing set unopened = unopened + (select count(*) from unnest(new_) new where new is null);
    end if;
end
$$;

------------------------------------------------------------------------------------------------ a new matching key
-- `buurtaald rekey` alone calls what follows, as the owner, in one transaction: rekey_begin(); of each sealed column
-- rekey_open() and rekey_store(), those first whose values have hashes; rekey_end(). What it is at stands in two tables that
-- are there only meanwhile: `rekeyed`, what becomes of each hash, and `rekeyed_value`, what becomes of each value, by the
-- place of its row in the table, which nobody else changes.

-- All columns that keep the hash of a sealed value. A new one is a row here.
create function hashed_columns() returns table (relation text, name text) language sql immutable as $$
    values ('student', 'student_hash'), ('eckid', 'eckid_hash'), ('registration', 'student_hash')
$$;

-- Takes the locks, and tells the backends of daemons that are connected, '' where none is, and the fingerprint of the
-- registry's matching key. No daemon can connect until the transaction ends, and then it compares.
create function rekey_begin() returns table (daemons text, matching text) language plpgsql as $$
declare
    sealed record;
begin
    perform from log_head for update;
    select encode(sealing.matching, 'hex') into matching from sealing for update;
    select coalesce(string_agg(distinct pid::text, ', '), '') into daemons from daemons();
    for sealed in select distinct relation from sealed_columns() order by relation loop
        execute format('lock table registry.%I in share row exclusive mode', sealed.relation);
    end loop;
    create unlogged table registry.rekeyed (old bytea primary key, new bytea not null unique);
    create unlogged table registry.rekeyed_value (place integer not null, at tid not null, new bytea not null);
    return next;
end
$$;

-- Opens the cursor `rekey` over the values of a column, each with the place and the primary key of its row and the objects that
-- it is and will be bound to.
create function rekey_open(place_ integer) returns void language plpgsql set cursor_tuple_fraction = 1 as $$
declare
    rekey refcursor := 'rekey';
    said text;
begin
    analyze rekeyed;
    select format('select t.ctid::text as at, jsonb_build_array(%1$s)::text as "row", t.object, coalesce(m.new, t.object) as object_after, t.%2$I '
                  'from (select t.*, t.ctid, %3$s as object from registry.%4$I t where t.%2$I is not null) t '
                  'left join rekeyed m on m.old = t.object',
                  (select string_agg('t.' || name, ', ' order by key.place) from key_columns(sealed.relation) key),
                  sealed.name, coalesce(sealed.object, 'null::bytea'), sealed.relation)
    into said from sealed_columns() sealed where sealed.place = place_;
    open rekey for execute said;
end
$$;

-- Takes what becomes of values of a column, and, of one whose values have hashes, what these become.
create function rekey_store(place_ integer, at_ text[], old_ bytea[], new_ bytea[]) returns void language plpgsql as $$
begin
    insert into rekeyed_value (place, at, new)
    select place_, given.at::tid, given.new from unnest(at_, new_) given (at, new);
    insert into rekeyed (old, new)
    select distinct substr(given.old, 1, 32), substr(given.new, 1, 32)
    from unnest(old_, new_) given (old, new)
    where (select object is null from sealed_columns() sealed where sealed.place = place_)
    on conflict (old) do nothing;
end
$$;

-- Puts the new values and hashes in the place of the old, each row once.
create function rekey_rows(relation_ text) returns void language plpgsql as $$
declare
    named text[] := '{}';
    joined text := '';
    changed record;
begin
    for changed in select place, name from sealed_columns() where relation = relation_ loop
        named := named || format('%1$I = coalesce(v%2$s.new, t.%1$I)', changed.name, changed.place);
        joined := joined || format(' left join rekeyed_value v%1$s on v%1$s.place = %1$s and v%1$s.at = r.ctid', changed.place);
    end loop;
    for changed in select row_number() over () as place, name from hashed_columns() where relation = relation_ loop
        named := named || format('%1$I = coalesce(h%2$s.new, t.%1$I)', changed.name, changed.place);
        joined := joined || format(' left join rekeyed h%1$s on h%1$s.old = r.%2$I', changed.place, changed.name);
    end loop;
    execute format('update registry.%1$I t set %2$s from registry.%1$I r %3$s where t.ctid = r.ctid', relation_,
                   array_to_string(named, ', '), joined);
end
$$;

-- All of them. Foreign keys over hashes are away meanwhile, and looked at when they are back. Statistics of the old hashes go too.
create function rekey_apply() returns void language plpgsql as $$
declare
    foreign_key record;
    again text[];
    changed record;
begin
    analyze rekeyed;
    analyze rekeyed_value;
    for foreign_key in
        select conrelid::regclass as relation, conname as name, pg_get_constraintdef(oid) as definition
        from pg_constraint
        where contype = 'f' and connamespace = 'registry'::regnamespace
          and exists (select from hashed_columns() h join pg_attribute a on a.attname = h.name
                      where a.attrelid = confrelid and a.attnum = any (confkey)
                        and confrelid = format('registry.%I', h.relation)::regclass)
    loop
        execute format('alter table %s drop constraint %I', foreign_key.relation, foreign_key.name);
        again := again || format('alter table %s add constraint %I %s', foreign_key.relation, foreign_key.name,
                                 foreign_key.definition);
    end loop;
    for changed in select relation from sealed_columns() union select relation from hashed_columns() order by relation loop
        perform rekey_rows(changed.relation);
        execute format('analyze registry.%I', changed.relation);
    end loop;
    for i in 1 .. coalesce(cardinality(again), 0) loop
        execute again[i];
    end loop;
    drop table registry.rekeyed, registry.rekeyed_value;
end
$$;

-- From now on these keys are the registry's, of which the newest has sealed everything, whatever others it knew under their
-- numbers. Returns how many registrations there are.
create function rekey_end(keys_ text) returns bigint language plpgsql as $$
declare
    newest integer := (select max(number) from keys_sealing(keys_));
begin
    insert into sealing_key (number, print) select number, print from keys_sealing(keys_)
    on conflict (number) do update set print = excluded.print, retired = false;
    update sealing_key set retired = true where number < newest;
    update sealing set matching = keys_matching(keys_), key = newest, since = clock_timestamp(), floor = newest, done = true,
                       rest = null;
    update submission set lines = null;
    return (select count(*) from registration);
end
$$;
