-- Sealing keys: which may seal, and which values are still sealed with another. SQL sees numbers and fingerprints of keys;
-- it opens nothing.
--
-- Rules: a key seals when every daemon that is connected has it, so that each can open what any of them seals. A daemon
-- that lacks a key that may still be needed is refused. The number of the key stands in every sealed value, behind its
-- hash and its flags.
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

-- Whether a daemon is connected whose newest key is older: by the locks that keys_open() takes.
create function older_daemon(key_ integer) returns boolean language sql volatile as $$
    select exists (select from pg_locks
                   where locktype = 'advisory' and classid = 1801812339 and objsubid = 2
                     and database = (select oid from pg_database where datname = current_database())
                     and objid::bigint < key_)
$$;

-- A daemon shows its keys, `MATCH NUMBER=PRINT ...`, over a connection: NULL, or what is wrong with them. Until that ends,
-- or it shows others, older_daemon() knows its newest. Who connects waits for who changes `sealing`, and the other way
-- round: so no key begins to seal that it lacks.
create function keys_open(keys_ text, writes boolean) returns text language plpgsql as $$
declare
    matching_ bytea := decode(split_part(keys_, ' ', 1), 'hex');
    newest integer;
    state sealing;
    wrong integer;
    shown jsonb;
begin
    select jsonb_object_agg(split_part(word, '=', 1), split_part(word, '=', 2)), max(split_part(word, '=', 1)::integer)
    into shown, newest
    from unnest((string_to_array(keys_, ' '))[2:]) word;
    perform pg_advisory_unlock_all();
    perform pg_advisory_lock_shared(1801812339, case when writes then newest else 2147483647 end);
    if writes then
        select * into state from sealing for update;
    elsif pg_is_in_recovery() then
        select * into state from sealing;
    else
        select * into state from sealing for share;
    end if;
    if state.matching is null then
        if writes then
            -- With one key alone, and nothing sealed yet, there is nothing to look for.
            update sealing set matching = matching_, key = newest, since = clock_timestamp(), floor = newest,
                               done = (select count(*) from jsonb_object_keys(shown)) = 1 and not exists (select from student);
        end if;
    elsif state.matching <> matching_ then
        return 'matching key: the registry''s is another; take the file of keys that its other daemons have, or had '
               'before `buurtaald rekey`; when that was cut short, run it again';
    end if;
    select min(known.number) into wrong from sealing_key known
    where decode(shown->>known.number::text, 'hex') <> known.print;
    if wrong is not null then
        return format('sealing key %s: the registry knows another under that number', wrong);
    end if;
    select min(known.number) into wrong from sealing_key known
    where known.number <= state.key and not known.retired and not shown ? known.number::text;
    if wrong is not null then
        return format('sealing key %s: it is missing, and may still be needed', wrong);
    end if;
    if writes then
        insert into sealing_key (number, print)
        select number::integer, decode(print, 'hex') from jsonb_each_text(shown) given (number, print)
        on conflict do nothing;
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
-- stays.
create function reseal(place_ integer[], row_ text[], old_ bytea[], new_ bytea[]) returns void language plpgsql as $$
begin
    perform set_config('synchronous_commit', 'off', true); -- as in reseal_next()
    perform sealed_store(given.place, array_agg(given.said), array_agg(given.old), array_agg(given.new))
    from unnest(place_, row_, old_, new_) given (place, said, old, new)
    where substr(given.new, 1, 33) = substr(given.old, 1, 33)
    group by given.place;
    if array_position(new_, null) is not null then
        update sealing set unopened = unopened + (select count(*) from unnest(new_) new where new is null);
    end if;
end
$$;

------------------------------------------------------------------------------------------------ a new matching key
-- `buurtaald rekey` alone calls what follows, as the owner, in one transaction.

-- All columns that keep the hash of a sealed value. A new one is a row here.
create function hashed_columns() returns table (relation text, name text) language sql immutable as $$
    values ('student', 'student_hash'), ('eckid', 'eckid_hash'), ('registration', 'student_hash')
$$;

-- Takes the locks, and tells the backends of daemons that are connected, '' where none is, and the fingerprint of the
-- registry's matching key. No daemon can connect until the transaction ends, and then it compares.
create function rekey_begin() returns table (daemons text, matching text) language plpgsql as $$
begin
    perform from log_head for update;
    select encode(sealing.matching, 'hex') into matching from sealing for update;
    select coalesce(string_agg(distinct pid::text, ', '), '') into daemons
    from pg_locks
    where locktype = 'advisory' and classid = 1801812339 and objsubid = 2
      and database = (select oid from pg_database where datname = current_database());
    return next;
end
$$;

-- The next rows of a column, with the object that each value will be bound to.
create function rekey_read(place_ integer, after_ jsonb, most integer)
returns table ("row" text, object bytea, object_after bytea, value bytea) language plpgsql stable
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
    return query select step."row"::text, step.object, coalesce(m.new, step.object), step.value
                 from sealed_read(place_, after_, most, most, null) step left join rekeyed m on m.old = step.object
                 order by step.nth;
end
$$;

-- Stores rows of a column, and, of one whose values have hashes, what these become.
create function rekey_store(place_ integer, row_ text[], old_ bytea[], new_ bytea[]) returns void language plpgsql as $$
begin
    perform sealed_store(place_, row_, old_, new_);
    insert into rekeyed (old, new)
    select distinct substr(given.old, 1, 32), substr(given.new, 1, 32)
    from unnest(old_, new_) given (old, new)
    where (select object is null from sealed_columns() sealed where sealed.place = place_)
    on conflict (old) do nothing;
end
$$;

-- Puts the new hashes in the place of the old. Foreign keys over them are away meanwhile, and looked at when they are back.
create function rekey_hashes() returns void language plpgsql as $$
declare
    foreign_key record;
    again text[];
    hashed record;
begin
    analyze rekeyed;
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
    for hashed in select * from hashed_columns() loop
        execute format('update registry.%I t set %2$I = m.new from rekeyed m where m.old = t.%2$I', hashed.relation, hashed.name);
    end loop;
    for i in 1 .. coalesce(cardinality(again), 0) loop
        execute again[i];
    end loop;
end
$$;

-- From now on these keys are the registry's, of which the newest has sealed everything, whatever others it knew under their
-- numbers. Returns how many registrations there are.
create function rekey_end(keys_ text) returns bigint language plpgsql as $$
declare
    newest integer;
begin
    insert into sealing_key (number, print)
    select split_part(word, '=', 1)::integer, decode(split_part(word, '=', 2), 'hex')
    from unnest((string_to_array(keys_, ' '))[2:]) word
    on conflict (number) do update set print = excluded.print, retired = false;
    select max(split_part(word, '=', 1)::integer) into newest from unnest((string_to_array(keys_, ' '))[2:]) word;
    update sealing_key set retired = true where number < newest;
    update sealing set matching = decode(split_part(keys_, ' ', 1), 'hex'), key = newest, since = clock_timestamp(),
                       floor = newest, done = true, rest = null;
    update submission set lines = null;
    delete from rekeyed;
    return (select count(*) from registration);
end
$$;
