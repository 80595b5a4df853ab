-- The registry's own chores: what no line brings about, but the calendar. news() calls chores(), which each daemon asks
-- for once a second, on a primary.
--
-- A chore that did something is a write like any other, with a number, a row of `audit` (party `registry`, a certificate
-- of zeros, origin `chores`, the chore as the verb) and a head. It runs in the transaction of news() alone, and never
-- waits: while a batch of writes runs it is left for a second later. So several daemons may ask at the same time.
--
-- What a chore must keep to. It is a word in chores(), chore_due() and chore_do().
--   due   stable; asked every second, so look-ups by index only; a fresh registry has nothing due
--   do    looks again at what is due, as another daemon may have done it meanwhile; does a piece of it, some hundred
--         rows, and leaves the rest due for the next second; its number is running_log(), as in any write. Returns the
--         fields of its row of `audit` ('' for none), or NULL when nobody could tell that it ran: no number then.
-- A fault of a chore undoes that chore, stops no other and not news(), is told to the daemon for its log, and that chore
-- then rests for a minute on this connection.

create function chore_due(chore text) returns boolean language plpgsql stable as $$
begin
    return case chore when 'remind' then remind_due() when 'forget' then forget_due()
                      when 'retention' then retention_pending() end;
end
$$;

create function chore_do(chore text) returns text language plpgsql as $$
begin
    return case chore when 'remind' then remind() when 'forget' then forget() when 'retention' then retention_step(200) end;
end
$$;

-- Does what is due; returns what the daemon's log shall know of faults, else NULL.
create function chores() returns text language plpgsql as $$
declare
    chore text;
    rest text;          -- the setting that says until when it rests
    fields text;
    context text;
    faults text;
begin
    foreach chore in array array['remind', 'forget', 'retention'] loop
        rest := 'buurtaal.rest_' || chore;
        continue when nullif(current_setting(rest, true), '')::timestamptz > clock_timestamp();
        begin
            continue when not chore_due(chore);
            perform from log_head for update skip locked;
            exit when not found;
            perform set_config('buurtaal.running_log', (head.log + 1)::text, true) from log_head head;
            fields := chore_do(chore);
            if fields is not null then
                perform log_append(chore, array['registry'], array[decode(repeat('00', 32), 'hex')], array['chores'],
                                   array[fields], array['OK']);
            end if;
        exception when others then
            get stacked diagnostics context = pg_exception_context;
            faults := concat_ws('; ', faults, format('%s: %s (%s), %s', chore, sqlerrm, sqlstate,
                                                     split_part(context, E'\n', 1)));
            perform set_config(rest, (clock_timestamp() + interval '1 minute')::text, false);
        end;
    end loop;
    return faults;
end
$$;
