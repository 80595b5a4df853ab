-- Exam sessions and their seats. The rule of the seats: never one too many, and none free while somebody waits, as
-- long as registration is not over; `taken` and `waiting` of a session are the numbers of its seated and waiting
-- registrations. Every effect on the row, also that a seat was taken or freed, gives it a new `log`.

-- The last day of registration, which ends when it does in Amsterdam.
create function session_closes(closes date, date date, notice integer) returns date language sql immutable as $$
    select coalesce(closes, date - notice)
$$;

-- The day before which a session of that date is to be scheduled, by the windows of its exam: the last such day before
-- the window's first month. NULL where no window has its month.
create function wishes_end(wishes text, date_ date) returns date language sql immutable as $$
    select case when ends < begins then ends else (ends - interval '1 year')::date end
    from (select make_date(extract(year from date_)::integer, substr(one, 1, 2)::integer, 1) as begins,
                 make_date(extract(year from date_)::integer, substr(one, 7, 2)::integer, substr(one, 10, 2)::integer) as ends
          from string_to_table(wishes, ',') one
          where extract(month from date_) between substr(one, 1, 2)::integer and substr(one, 4, 2)::integer) found
$$;

-- What ends on a day from the first to the last of these: 'session', the registration for it; 'elective', enrolment for it;
-- 'wishes', the time in which colleges can schedule sessions of an exam, for one of its windows.
create function deadlines(from_ date, until_ date) returns table (kind text, code text, until date)
language sql stable as $$
    select 'session', s.session, session_closes(s.closes, s.date, s.notice)
    from session s
    where s.state = 'scheduled' and session_closes(s.closes, s.date, s.notice) between from_ and until_
    union
    select 'elective', e.code, e.enrol_until
    from elective e
    where e.enrol_until between from_ and until_
    union
    select 'wishes', e.exam, ends.day - 1
    from exam e
    cross join string_to_table(e.wishes, ',') one
    cross join generate_series(extract(year from from_)::integer, extract(year from until_)::integer + 1) year
    cross join lateral (select make_date(year, substr(one, 7, 2)::integer, substr(one, 10, 2)::integer) as day) ends
    where ends.day - 1 between from_ and until_
$$;

-- Whether the day is one on which seats that come free go to who waits. Before `opens` too: on the day itself nobody
-- comes by to do it.
create function session_promotes(session_ session) returns boolean language sql stable as $$
    select session_.state = 'scheduled' and log_today() <= session_closes(session_.closes, session_.date, session_.notice)
$$;

-- Why no new registration may come into the session: NULL, 'not-open' or 'closed'. A cancelled one is closed for ever.
create function session_refusal(state text, opens date, until date, today date) returns text
language sql immutable as $$
    select case when state <> 'scheduled' or today > until then 'closed'
                when today < opens then 'not-open' end
$$;

-- Whether the speaker may change a session: the exam office that issues its exam, or its host.
create function session_yours(party_ text, role_ text, exam_ text, host_ text) returns boolean
language plpgsql stable as $$
begin
    return case when role_ = 'exams' then acting_for(party_, (select issuer from exam where exam = exam_))
                else acting_for(party_, host_) end;
end
$$;

-- Gives the free seats of a session to who waits, in the order of `entered`, under the number `log_`; returns the
-- persons, each once, for recount(). Whether it is allowed is the caller's to know.
create function promote(session_ text, log_ bigint) returns bigint[] language plpgsql
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
    free integer := (select least(seats - taken, waiting) from session where session = session_);
    persons bigint[];
    notices inbox_notice[];
begin
    if free <= 0 then
        return '{}';
    end if;
    with first as (
        select entered from registration where session = session_ and state = 'waiting' order by entered limit free
    ), promoted as (
        update registration r set state = 'seated', log = log_
        from first
        where r.entered = any (array[first.entered])
        returning r.person, r.college, r.entered
    )
    select array_agg(distinct person),
           array_agg(notice(college, 'roc', 'seat-offered', session => session_, entered => entered) order by entered)
    into persons, notices
    from promoted;
    update session set taken = taken + free, waiting = waiting - free, log = log_ where session = session_;
    perform inbox_tell(log_, notices);
    return persons;
end
$$;

-- The colleges with a registration for a session that lives.
create function session_colleges(session_ text) returns setof text language sql stable as $$
    select c.college
    from contingent c,
         lateral (select from registration r
                  where r.session = c.session and r.college = c.college and r.state in ('seated', 'waiting') limit 1) one
    where c.session = session_
$$;

-- Tells whom a session concerns what became of it, but who did it: each college with a registration that lives, the host,
-- and the office that issues the exam.
create function session_tell(log_ bigint, notice_ text, told session, party_ text) returns void language plpgsql as $$
begin
    perform inbox_tell(log_, array(
        select notice(concerned.party, concerned.role, notice_, session => told.session,
                      date => case notice_ when 'session-moved' then told.date end)
        from (select told.host as party, 'roc' as role
              union select e.issuer, 'exams' from exam e where e.exam = told.exam
              union select college, 'roc' from session_colleges(told.session) college) concerned), acting_codes(party_));
end
$$;

-- recount() for a number of the log and persons that may be named more than once.
create function recount_all(log_ bigint, persons_ bigint[]) returns void language plpgsql as $$
declare
    once bigint[] := array(select distinct person from unnest(persons_) person);
begin
    if once <> '{}' then
        perform recount(array_fill(log_, array[cardinality(once)]), once);
    end if;
end
$$;

-- Which field of a session as it would be does not go with the rest; NULL when all is well. A registry counts the years
-- that the type `year` knows.
create function session_fault(wanted session) returns text language sql immutable as $$
    select case
        when extract(year from wanted.date) not between 1990 and 2199 then 'date'
        when wanted.closes > wanted.date then 'closes'
        when wanted.opens > session_closes(wanted.closes, wanted.date, wanted.notice) then 'opens'
    end
$$;

-- Makes a session, or amends its days and place. The exam, the host and, here, the seats of one that exists stay:
-- another value is `range`. A new date may move registrations to another month's cell, not to another year's, nor what was
-- attended to a day to come.
-- A college picks a date while the exam's window for wishes is open; the office may at any time, which is how it grants one.
create function schedule(party_ text, role_ text, certificate_ bytea,
                         session_ text, exam_ text, date_ date, opens_ date, closes_ date, seats_ integer, place_ text,
                         host_ text, seen_ bigint)
returns table (code text, field text, state text, seats integer, free integer, waiting integer, repeated boolean,
               amended boolean, last bigint)
language plpgsql as $$
#variable_conflict use_column
declare
    whole exam;
    stored session;
    wanted session;
begin
    select * into whole from exam where exam.exam = exam_;
    select * into stored from session where session = session_;
    stored.notice := coalesce(whole.notice, 28); -- of a session that is over it may be an old one
    wanted := stored;
    wanted.session := session_;
    wanted.exam := exam_;
    wanted.date := date_;
    wanted.opens := or_stored(opens_, stored.opens);
    wanted.closes := or_stored(closes_, stored.closes);
    wanted.seats := seats_;
    wanted.place := place_;
    wanted.host := host_;
    if stored.session is not null and not session_yours(party_, role_, stored.exam, stored.host) then
        code := 'not-yours';
        field := 'session';
    elsif stored.session is not null and wanted is not distinct from stored then
        repeated := true;
    elsif stored.log > seen_ then
        code := 'changed';
        last := stored.log;
    elsif stored.state = 'cancelled' then
        code := 'closed';
        field := 'session';
    elsif stored.session is null and whole.exam is null then
        code := 'not-found';
        field := 'exam';
    elsif stored.session is null and not exists (select from institution where institution.code = host_) then
        code := 'not-found';
        field := 'host';
    elsif stored.session is null and not session_yours(party_, role_, exam_, host_) then
        code := 'not-yours';
        field := case role_ when 'exams' then 'exam' else 'host' end;
    elsif stored.exam <> exam_ or stored.host <> host_ or stored.seats <> seats_ then
        code := 'range';
        field := case when stored.exam <> exam_ then 'exam' when stored.host <> host_ then 'host' else 'seats' end;
    elsif session_fault(wanted) is not null then
        code := 'range';
        field := session_fault(wanted);
    elsif extract(year from stored.date) <> extract(year from date_)
          and exists (select from registration where session = session_) then
        code := 'range';
        field := 'date';
    elsif stored.date <> date_ and date_ > log_today()
          and exists (select from registration where session = session_ and reached > 0) then
        code := 'attended';
        field := 'date';
    elsif role_ = 'roc' and stored.date is distinct from date_ and log_today() >= wishes_end(whole.wishes, date_) then
        code := 'closed';
        field := 'date';
    end if;
    if code is null and not coalesce(repeated, false) then
        if stored.session is null then
            wanted.taken := 0;
            wanted.waiting := 0;
            wanted.state := 'scheduled';
            wanted.log := running_log();
            insert into session select wanted.*;
        else
            update session
            set date = date_, opens = wanted.opens, closes = wanted.closes, notice = wanted.notice, place = place_,
                log = running_log()
            where session = session_;
            amended := true;
            if stored.date <> date_ or stored.place <> place_ then
                perform session_tell(running_log(), 'session-moved', wanted, party_);
            end if;
            if stored.date <> date_ then
                perform contingents_move(session_, null, running_log());
                -- Where an exam combines attempts, they do so in the order of their days.
                perform results_follow(running_log(), array(select person from registration where session = session_
                                                                                              and reached > 0));
            end if;
            -- Registration may go on again by this.
            if session_promotes(wanted) then
                perform recount_all(running_log(), promote(session_, running_log()));
            end if;
        end if;
    end if;
    if code is null then
        select t.state, t.seats, t.free, t.waiting into state, seats, free, waiting from session_told(session_) t;
    end if;
    return next;
end
$$;

-- What the answer to `schedule` and `reseat` tells of a session. In a cancelled one no seat is free.
create function session_told(session_ text) returns table (state text, seats integer, free integer, waiting integer)
language sql stable as $$
    select s.state, s.seats, case s.state when 'scheduled' then s.seats - s.taken else 0 end, s.waiting
    from session s where s.session = session_
$$;

-- More seats promote who waits, also after registration has closed; fewer than taken is `full`.
create function reseat(party_ text, role_ text, certificate_ bytea, session_ text, seats_ integer, seen_ bigint)
returns table (code text, field text, state text, seats integer, free integer, waiting integer, repeated boolean,
               amended boolean, last bigint)
language plpgsql as $$
#variable_conflict use_column
declare
    stored session;
begin
    select * into stored from session where session = session_;
    if stored.session is null then
        code := 'not-found';
        field := 'session';
    elsif not session_yours(party_, role_, stored.exam, stored.host) then
        code := 'not-yours';
        field := 'session';
    elsif stored.seats = seats_ then
        repeated := true;
    elsif stored.log > seen_ then
        code := 'changed';
        last := stored.log;
    elsif stored.state = 'cancelled' then
        code := 'closed';
        field := 'session';
    elsif stored.taken > seats_ then
        code := 'full';
        field := 'seats';
    else
        update session set seats = seats_, log = running_log() where session = session_;
        amended := true;
        if seats_ > stored.seats then
            perform recount_all(running_log(), promote(session_, running_log()));
        end if;
    end if;
    if code is null then
        select t.state, t.seats, t.free, t.waiting into state, seats, free, waiting from session_told(session_) t;
    end if;
    return next;
end
$$;

-- Ends a session and its registrations. It does not come back.
create function cancel(party_ text, role_ text, certificate_ bytea, session_ text, reason_ text, seen_ bigint)
returns table (code text, field text, state text, repeated boolean, last bigint) language plpgsql as $$
#variable_conflict use_column
declare
    stored session;
    persons_ bigint[];
    notices inbox_notice[];
begin
    select * into stored from session where session = session_;
    if stored.session is null then
        code := 'not-found';
        field := 'session';
    elsif not session_yours(party_, role_, stored.exam, stored.host) then
        code := 'not-yours';
        field := 'session';
    elsif stored.state = 'cancelled' then
        state := 'cancelled';
        repeated := true;
    elsif stored.log > seen_ then
        code := 'changed';
        last := stored.log;
    elsif exists (select from registration where session = session_ and reached > 0) then
        code := 'attended';
        field := 'session';
    else
        perform session_tell(running_log(), 'session-cancelled', stored, party_);
        with ended as (
            update registration set state = 'cancelled', log = running_log()
            where session = session_ and registration.state in ('seated', 'waiting')
            returning person, college, entered
        )
        select array_agg(person),
               array_agg(notice(college, 'roc', 'seat-lost', session => session_, entered => entered) order by entered)
        into persons_, notices
        from ended;
        perform inbox_tell(running_log(), notices, acting_codes(party_));
        update session set state = 'cancelled', reason = reason_, taken = 0, waiting = 0, log = running_log()
        where session = session_;
        perform recount_all(running_log(), coalesce(persons_, '{}'));
        state := 'cancelled';
    end if;
    return next;
end
$$;

-- After the notice of an exam has changed: brings its sessions in step. Who waits comes in where registration goes on
-- again; those of the past stay as they were.
create function notice_follow(exam_ text, notice_ integer) returns void language plpgsql as $$
declare
    changed session;
begin
    for changed in
        update session s
        set notice = notice_, log = case when s.closes is null and s.state = 'scheduled' then running_log() else s.log end
        where s.exam = exam_ and s.notice <> notice_ and s.date >= log_today()
        returning s.*
    loop
        if session_promotes(changed) then
            perform recount_all(running_log(), promote(changed.session, running_log()));
        end if;
    end loop;
end
$$;

-- Every role sees all sessions. How many wait is for the office that issues the exam, the host, Nuffic and the
-- administrator; of the ministry also how many seats are free is kept, and the number of the last change, which tells of
-- each seat that is taken.
create function sessions(party_ text, role_ text, certificate_ bytea, only_session text, after_ text, limit_ integer)
returns table (code text, field text, session text, exam text, date date, opens date, closes date, until date, seats integer,
               free integer, waiting integer, place text, host text, state text, reason text, log bigint, after text)
language plpgsql stable as $$
#variable_conflict use_column
declare
    codes text[] := case when role_ in ('roc', 'exams') then acting_codes(party_) else '{}' end;
begin
    return query
        select null, null, s.session, s.exam, s.date, s.opens, s.closes,
               session_closes(s.closes, s.date, s.notice), s.seats,
               case when role_ = 'ocw' then null when s.state = 'scheduled' then s.seats - s.taken else 0 end,
               case role_ when 'ocw' then null
                          when 'roc' then case when s.host = any (codes) then s.waiting end
                          when 'exams' then case when (select issuer from exam where exam.exam = s.exam) = any (codes)
                                                 then s.waiting end
                          else s.waiting end,
               s.place, s.host, s.state, s.reason, case when role_ <> 'ocw' then s.log end, s.session
        from session s
        where (only_session is null or s.session = only_session) and s.session > coalesce(after_, '')
        order by s.session
        limit limit_;
end
$$;
