-- What is new for those who watch, at one moment of the log, for all connections of a daemon at once (daemon/watch.c).
--
-- A row tells for whom it is: `reader` a party (NULL: all), `roles` a list (NULL: all); which topic it is of; and, under their
-- names, the fields of that topic's read. It is an event, told once, in the order of numbers; or a state, which has a name
-- (`thing`) and stands here each time, with what it is (`state`, '' for: as if it were not there): the daemon tells it when
-- that changes. The last row is of no topic: its `log` is the number up to which all was told, and `after` where more begins.
--
--   topics   the topics that anybody watches
--   readers  who does, as `role:party`
--   after    the number up to which all was told; or as the last answer had it; NULL: nobody has watched yet
--   seen     the newest number up to which the daemon knows what certificates may do. When that has changed since, nothing is
--            told but one row without `log`: whose certificate was revoked must be gone first
--   limit    at least so many events before the answer says that there is more
--
-- States are told at the beginning of a round alone, when `after` is a bare number.
create function watch(topics_ text, readers_ text, after_ text, seen_ bigint, limit_ integer)
returns table (code text, field text, topic text, reader text, roles text, thing text, state text,
               log bigint, "time" text, notice text, party text, session text, elective text, exam text, student bytea,
               again integer, date date, until date, outcome text, final boolean, number text, certificate text,
               scope text, year integer, language text, rung text, month text, institution text, province text,
               level text, count text, target integer, pace bigint, forecast text, low bigint, high bigint,
               after text)
language plpgsql stable as $$
#variable_conflict use_column
declare
    goes_on boolean := after_ like '%:%';
    upto bigint := case when after_ like '%:%' then token_number(after_, 1) else (select head.log from log_head head) end;
    told integer := 0;
    event record;
    next_ text;
begin
    if exists (select from access a where a.log > seen_) or exists (select from revoked_fingerprint r where r.log > seen_) then
        return next;
        return;
    end if;
    if 'progress' = any (string_to_array(topics_, ',')) and not coalesce(goes_on, false) then
        return query
            select null, null, 'progress', p.reader, p.roles, concat_ws(':', p.scope, p.year, p.language), p.state,
                   p.log, null, null, null, null, null, null, null::bytea, null::integer, null::date, null::date, null,
                   null::boolean, null, null,
                   p.scope, p.year, p.language, p.rung, null, null, null, null, p.count, p.target, p.pace, p.forecast,
                   p.low, p.high, null
            from watch_progress(readers_) p;
    end if;
    if 'inbox' = any (string_to_array(topics_, ',')) and after_ is not null then
        for event in
            select r.party as reader, r.role, i.*
            from watch_readers(readers_) r,
                 lateral inbox(r.party, r.role, null, case when goes_on then substr(after_, strpos(after_, ':') + 1)
                                                           else after_ || ':999999999:' end, limit_) i
            where i.log <= upto
            order by i.log, token_number(i.after, 2), i.party
            fetch first (limit_) rows with ties
        loop
            return query
                select null, null, 'inbox', event.reader, event.role, null, null,
                       event.log, event.time, event.notice, event.party, event.session, event.elective, event.exam, event.student,
                       event.again, event.date, event.until, event.outcome, event.final, event.number, event.certificate,
                       null, null::integer, null, null, null, null, null, null, null, null::integer, null::bigint, null,
                       null::bigint, null::bigint, null;
            told := told + 1;
            next_ := event.after;
        end loop;
    end if;
    log := upto;
    after := case when told >= limit_ then upto || ':' || next_ end;
    return next;
end
$$;

-- `role:party`, separated by commas.
create function watch_readers(readers_ text) returns table (role text, party text) language sql immutable as $$
    select distinct split_part(reader, ':', 1), split_part(reader, ':', 2) from unnest(string_to_array(readers_, ',')) reader
$$;

-- What `progress` without fields answers to each of them: once for all colleges and once for all others what each of those is
-- told, and for each college its own figures. A language that `progress` leaves out, as nobody counts in it any more, is a state
-- all the same: that it is not there.
create function watch_progress(readers_ text)
returns table (reader text, roles text, scope text, year integer, language text, rung text, count text, target integer,
               pace bigint, forecast text, low bigint, high bigint, log bigint, state text)
language plpgsql stable as $$
#variable_conflict use_column
declare
    year_ integer := year_of(log_today());
    newest bigint := (select head.log from log_head head);
begin
    return query
        with asked (role, roles) as (
            select 'roc', 'roc' where exists (select from watch_readers(readers_) r where r.role = 'roc')
            union all
            select 'nuffic', 'exams,nuffic,ocw,admin'
            where exists (select from watch_readers(readers_) r where r.role <> 'roc')
        ), nation as (
            select asked.roles, p.*
            from asked, lateral progress('', asked.role, null, null, null, null, null, null) p
            where p.scope = 'national'
        )
        select null, asked.roles, 'national', year_, l.language, 'seated', coalesce(n.count, '0'), n.target, n.pace, n.forecast,
               n.low, n.high,
               coalesce(n.log, case when asked.role = 'roc' then log_before(log_today()) else newest end),
               case when n.scope is null then ''
                    else row(n.count, n.target, n.pace, n.forecast, n.low, n.high)::text end
        from asked
        cross join (select c.language from cell c where c.year = year_ union select language from nation) l
        left join nation n on n.roles = asked.roles and n.language = l.language
        order by asked.roles, l.language;
    return query
        with college as (
            select r.party, code from watch_readers(readers_) r, unnest(acting_codes(r.party)) code where r.role = 'roc'
        ), figure as (
            select one.party, one.language, sum(one.count) as count, bool_or(one.told) as told
            from (select college.party, c.language, c.own_seated as count, false as told
                  from college join cell c on c.institution = college.code and c.year = year_
                  union all
                  select r.party, l.language, 0, true
                  from watch_readers(readers_) r, progress_languages(year_, null, 'seated', null) l
                  where r.role = 'roc') one
            group by one.party, one.language
        )
        select f.party, 'roc', 'own', year_, f.language, 'seated', f.count::text, null::integer, null::bigint, null,
               null::bigint, null::bigint, newest, case when f.told or f.count <> 0 then f.count::text else '' end
        from figure f
        order by f.party, f.language;
end
$$;
