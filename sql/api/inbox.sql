-- The inbox of a party: what others did with its rows, and what the calendar brings. Rows are written by the functions
-- that cause them, through inbox_tell(), and by the chore `remind`.
--
-- A row is told to a code in a role; whoever acts for the code reads it. Nobody is told what the answer to its own line
-- says already, so who causes something is left out of it (`but`); a seat that a withdrawal passed on is told also to the
-- college that withdrew, since no answer says who got it.

-- One notice, to be told by inbox_tell; of its own shape, so that the table may get more columns while older functions run.
create type inbox_notice as (party text, role text, notice text, session text, elective text, exam text, entered bigint, date date,
                             until date, outcome text, final boolean, number text, certificate bytea);
create function notice(party text, role text, notice text, session text default null, elective text default null,
                       exam text default null, entered bigint default null, date date default null, until date default null,
                       outcome text default null, final boolean default null, number text default null,
                       certificate bytea default null) returns inbox_notice language sql immutable as $$
    select row(party, role, notice, session, elective, exam, entered, date, until, outcome, final, number,
               certificate)::inbox_notice
$$;

-- Tells notices, in order, under the number `log_` of a write, but to none of the codes `but`. A write may tell more than
-- once.
create function inbox_tell(log_ bigint, notices inbox_notice[], but text[] default '{}') returns void language plpgsql as $$
begin
    insert into inbox (party, role, log, place, notice, session, elective, exam, entered, date, until, outcome, final, number,
                       certificate)
    select n.party, n.role, log_, n.before + row_number() over (partition by n.party, n.role order by n.ord), n.notice,
           n.session, n.elective, n.exam, n.entered, n.date, n.until, n.outcome, n.final, n.number, n.certificate
    from (select *, coalesce((select max(told.place) from inbox told
                              where told.party = n.party and told.role = n.role and told.log = log_), 0) as before
          from unnest(notices) with ordinality n (party, role, notice, session, elective, exam, entered, date, until, outcome,
                                                  final, number, certificate, ord)
          where n.party <> all (but)
          offset 0) n; -- all are looked up before the first is put in
end
$$;

-- A party's own in that role, and of the codes it acts for, in the order in which they were told. Read a code at a time, so
-- that a page costs the same however many there are.
create function inbox(party_ text, role_ text, certificate_ bytea, after_ text, limit_ integer)
returns table (code text, field text, log bigint, "time" text, notice text, party text, session text, elective text, exam text,
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
        select null, null, page.log, wire_time(a.time), page.notice, page.party, page.session, page.elective, page.exam, s.student,
               nullif(r.again, 1), page.date, page.until, page.outcome, page.final, page.number,
               encode(page.certificate, 'hex'), concat_ws(':', page.log, page.place, page.party)
        from page
        left join lateral (select audit.time from audit where audit.log = page.log offset 0) a on true
        left join lateral (select * from registration where registration.entered = page.entered offset 0) r on true
        left join lateral (select student.student from student
                           where student.college = r.college and student.student_hash = r.student_hash offset 0) s on true
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

-- Deadlines at most 7 days ahead that were not told, at most so many; the nearest first.
create function deadlines_near(today date, most integer) returns table (kind text, code text, until date)
language sql stable as $$
    select near.kind, near.code, near.until
    from deadlines(today, today + 7) near
    where not exists (select from deadline_told told
                      where told.kind = near.kind and told.code = near.code and told.until = near.until)
    order by near.until, near.kind, near.code
    limit most
$$;

-- Notes when a certificate ends, on the first use of a day; where this server takes no writes, nothing.
create function certificate_note(certificate_ bytea, party_ text, role_ text, until_ bigint) returns void
language plpgsql as $$
declare
    today date := (statement_timestamp() at time zone 'Europe/Amsterdam')::date;
begin
    if until_ <= 0 or current_setting('transaction_read_only')::boolean
       or exists (select from certificate_end
                  where fingerprint = substr(certificate_, 1, 32) and party = party_ and role = role_ and used >= today) then
        return;
    end if;
    insert into certificate_end (fingerprint, certificate, party, role, until, used)
    values (substr(certificate_, 1, 32), certificate_, party_, role_, to_timestamp(until_), today)
    on conflict (fingerprint) do update
    set certificate = excluded.certificate, party = excluded.party, role = excluded.role, used = excluded.used;
end
$$;

-- Certificates with at most 30 or 7 days left whose party was not told so, at most so many. Left out are those that are
-- revoked, and those that were replaced: since their last use one that ends later spoke for the party in that role. These
-- days are real ones, whatever clock a demo has, since certificates end by them.
create function certificates_expiring(most integer) returns setof certificate_end language sql stable as $$
    select c.*
    from certificate_end c
    where c.until between statement_timestamp() and statement_timestamp() + interval '30 days'
      and (c.told is null or c.told = 30 and c.until <= statement_timestamp() + interval '7 days')
      and certificate_live(c.party, c.role, c.certificate)
      and not exists (select from certificate_end newer
                      where newer.party = c.party and newer.role = c.role and newer.until > c.until and newer.used > c.used
                        and certificate_live(newer.party, newer.role, newer.certificate))
    order by c.until, c.fingerprint
    limit most
$$;

create function remind_due() returns boolean language plpgsql stable
set enable_seqscan = off as $$
begin
    return exists (select from deadlines_near(log_today(), 1)) or exists (select from certificates_expiring(1));
end
$$;

-- Who offers an elective of a language in a school year and has nobody registered for a session in it yet.
create function colleges_idle(language_ text, schoolyear_ integer) returns setof text language sql stable as $$
    select o.institution
    from offer o
    where o.schoolyear = schoolyear_ and o.state = 'offered'
      and o.elective = any (array(select code from elective where language = language_))
    except
    select * from colleges_registered(language_, schoolyear_)
$$;

-- Whom the deadline of a session is told: its host; each college with a registration for it that lives; and, while seats
-- are free, each that offers an elective of its language in its school year and has nobody registered in it yet.
create function session_closing_parties(session_ text) returns setof text language sql stable as $$
    select host from session where session = session_
    union
    select * from session_colleges(session_)
    union
    select idle
    from session s join exam e on e.exam = s.exam, lateral colleges_idle(e.language, schoolyear(s.date)) idle
    where s.session = session_ and s.taken < s.seats
$$;

-- Whom a deadline is told: of a session see above; of an elective each college that offers it in this school year, the
-- last or the next; of wishes for an exam each that so offers an elective of its language.
create function deadline_parties(kind_ text, code_ text, today date) returns setof text language sql stable as $$
    select * from session_closing_parties(case kind_ when 'session' then code_ end)
    union
    select o.institution
    from elective e
    join offer o on o.elective = e.code
    where case kind_ when 'elective' then e.code = code_
                     when 'wishes' then e.language = (select exam.language from exam where exam.exam = code_) end
      and o.state = 'offered' and o.schoolyear between schoolyear(today) - 1 and schoolyear(today) + 1
$$;

-- The chore: tells what falls due within days, each once.
create function remind() returns text language plpgsql as $$
declare
    today date := log_today();
    deadlines inbox_notice[];
    certificates inbox_notice[];
begin
    with near as materialized (
        select * from deadlines_near(today, 10)
    ), noted as (
        insert into deadline_told (kind, code, until) select kind, code, until from near
    )
    select array_agg(notice(party, 'roc', 'deadline-near', session => case kind when 'session' then code end,
                            elective => case kind when 'elective' then code end,
                            exam => case kind when 'wishes' then code end, until => until)
                     order by until, kind, code)
    into deadlines
    from near, lateral deadline_parties(kind, code, today) party;
    with expiring as materialized (
        select * from certificates_expiring(100)
    ), noted as (
        update certificate_end c set told = case when c.until <= statement_timestamp() + interval '7 days' then 7 else 30 end
        from expiring where c.fingerprint = expiring.fingerprint
    )
    select array_agg(notice(party, role, 'certificate-expiring', certificate => fingerprint,
                            until => (until at time zone 'Europe/Amsterdam')::date) order by until, fingerprint)
    into certificates
    from expiring;
    delete from deadline_told where until < today;
    delete from certificate_end where until < statement_timestamp();
    if deadlines is null and certificates is null then
        return null;
    end if;
    perform inbox_tell(running_log(), deadlines || certificates);
    return 'notices=' || cardinality(deadlines || certificates);
end
$$;

-- The chore that lets go what nobody read within a year, 500 rows at a time.
create function forget_due() returns boolean language plpgsql stable
set enable_seqscan = off as $$
begin
    return coalesce((select min(log) from inbox) <= log_before(log_today() - 365), false);
end
$$;
create function forget() returns text language plpgsql as $$
declare
    old bigint := log_before(log_today() - 365);
    gone bigint;
begin
    delete from inbox
    where ctid = any (array(select ctid from inbox where log <= old order by log, party, role, place limit 500));
    get diagnostics gone = row_count;
    return 'notices=' || nullif(gone, 0);
end
$$;
