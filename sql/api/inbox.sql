-- The inbox of a party: what others did with its rows, and what the calendar brings. Rows are written by the functions
-- that cause them, through inbox_tell(), and by the chore `remind`.
--
-- A row is told to a code in a role; whoever acts for the code reads it. Nobody is told what the answer to its own line
-- says already, so who causes something is left out of it (`but`); a seat that a withdrawal passed on is told also to the
-- college that withdrew, since no answer says who got it.

-- One notice, to be told by inbox_tell.
create function notice(party text, role text, notice text, session text default null, elective text default null,
                       entered bigint default null, date date default null, until date default null,
                       outcome text default null, final boolean default null, number text default null,
                       certificate bytea default null) returns inbox language sql immutable as $$
    select row(party, role, null, null, notice, session, elective, entered, date, until, outcome, final, number,
               certificate)::inbox
$$;

-- Tells notices, in order, under the number `log_` of a write, but to none of the codes `but`. A write may tell more than
-- once.
create function inbox_tell(log_ bigint, notices inbox[], but text[] default '{}') returns void language plpgsql as $$
begin
    insert into inbox
    select n.party, n.role, log_,
           row_number() over (partition by n.party, n.role order by n.ord)
               + coalesce((select max(told.place) from inbox told
                           where told.party = n.party and told.role = n.role and told.log = log_), 0),
           n.notice, n.session, n.elective, n.entered, n.date, n.until, n.outcome, n.final, n.number, n.certificate
    from unnest(notices) with ordinality n (party, role, log, place, notice, session, elective, entered, date, until,
                                            outcome, final, number, certificate, ord)
    where n.party <> all (but);
end
$$;

-- A party's own in that role, and of the codes it acts for, in the order in which they were told. Read a code at a time, so
-- that a page costs the same however many there are.
create function inbox(party_ text, role_ text, certificate_ bytea, after_ text, limit_ integer)
returns table (code text, field text, log bigint, "time" text, notice text, party text, session text, elective text,
               student bytea, again integer, date date, until date, outcome text, final boolean, number text,
               certificate text, after text)
language plpgsql stable as $$
#variable_conflict use_column
declare
    log_ bigint := coalesce(token_number(after_, 1), 0);
    place_ bigint := coalesce(token_number(after_, 2), 0);
    code_ text := coalesce(split_part(after_, ':', 3), '');
begin
    if after_ is not null and (token_number(after_, 1) is null or token_number(after_, 2) is null) then
        code := 'range';
        field := 'after';
        return next;
        return;
    end if;
    return query
        with page as materialized (
            select told.*
            from unnest(acting_codes(party_)) held (code),
                 lateral (select * from inbox i
                          where i.party = held.code and i.role = role_ and i.log >= log_
                            and (i.log, i.place::bigint, i.party) > (log_, place_, code_)
                          order by i.log, i.place
                          limit limit_) told
            order by told.log, told.place, told.party
            limit limit_
        )
        select null, null, page.log, wire_time(a.time), page.notice, page.party, page.session, page.elective, s.student,
               nullif(r.again, 1), page.date, page.until, page.outcome, page.final, page.number,
               encode(page.certificate, 'hex'), concat_ws(':', page.log, page.place, page.party)
        from page
        left join audit a on a.log = page.log
        left join registration r on r.entered = page.entered
        left join student s on s.college = r.college and s.student_hash = r.student_hash
        order by page.log, page.place, page.party;
end
$$;

-- What was told up to a number is read, and gone.
create function ack(party_ text, role_ text, certificate_ bytea, upto_ bigint, seen_ bigint)
returns table (code text, field text, repeated boolean, last bigint) language plpgsql as $$
#variable_conflict use_column
declare
    codes text[] := acting_codes(party_);
    newest bigint := (select max(i.log) from inbox i where i.party = any (codes) and i.role = role_);
begin
    if upto_ >= running_log() then
        code := 'range';
        field := 'upto';
    elsif not exists (select from inbox i where i.party = any (codes) and i.role = role_ and i.log <= upto_) then
        repeated := true;
    elsif newest > seen_ then
        code := 'changed';
        last := newest;
    else
        delete from inbox i where i.party = any (codes) and i.role = role_ and i.log <= upto_;
    end if;
    return next;
end
$$;

------------------------------------------------------------------------------------------------ reminders

-- The school year of a day, by the year in which it begins.
create function schoolyear(day date) returns integer language sql immutable as $$
    select extract(year from day)::integer - (extract(month from day) < 8)::integer
$$;

-- Sessions whose registration closes within 7 days and that nobody was told of, at most so many; who is near its
-- deadline first.
create function sessions_closing(today date, most integer) returns table (session text, until date)
language sql stable as $$
    select s.session, session_closes(s.closes, s.date, s.notice)
    from session s
    where s.state = 'scheduled' and session_closes(s.closes, s.date, s.notice) between today and today + 7
      and not exists (select from deadline_told told
                      where told.kind = 'session' and told.code = s.session
                        and told.until = session_closes(s.closes, s.date, s.notice))
    order by session_closes(s.closes, s.date, s.notice), s.session
    limit most
$$;

create function remind_due() returns boolean language plpgsql stable
set enable_seqscan = off as $$
begin
    return exists (select from sessions_closing(log_today(), 1));
end
$$;

-- Whom the deadline of a session is told: its host; each college with a registration for it that lives; and, while seats
-- are free, each that offers an elective of its language in its school year and has nobody registered in it yet.
create function session_closing_parties(session_ text) returns setof text language sql stable as $$
    select host from session where session = session_
    union
    select c.college
    from contingent c
    where c.session = session_
      and exists (select from registration r
                  where r.session = c.session and r.college = c.college and r.state in ('seated', 'waiting'))
    union
    select o.institution
    from session s
    join exam e on e.exam = s.exam
    join elective on elective.language = e.language
    join offer o on o.elective = elective.code and o.schoolyear = schoolyear(s.date) and o.state = 'offered'
    where s.session = session_ and s.taken < s.seats
      and not exists (select from contingent c
                      join session other on other.session = c.session and schoolyear(other.date) = schoolyear(s.date)
                      join exam on exam.exam = other.exam and exam.language = e.language
                      where c.college = o.institution
                        and exists (select from registration r
                                    where r.session = c.session and r.college = c.college
                                      and r.state in ('seated', 'waiting')))
$$;

-- The chore: tells what falls due within days, each deadline once.
create function remind() returns text language plpgsql as $$
declare
    today date := log_today();
    notices inbox[];
begin
    with closing as materialized (
        select * from sessions_closing(today, 20)
    ), noted as (
        insert into deadline_told (kind, code, until) select 'session', session, until from closing
    )
    select array_agg(notice(party, 'roc', 'deadline-near', session => closing.session, until => closing.until)
                     order by closing.until, closing.session)
    into notices
    from closing, lateral session_closing_parties(closing.session) party;
    if notices is null then
        return null;
    end if;
    delete from deadline_told where until < today;
    perform inbox_tell(running_log(), notices);
    return 'notices=' || cardinality(notices);
end
$$;
