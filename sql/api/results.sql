-- What came of exams, by part: attendance, scores, certificates.
--
-- Messages come in any order, and again (OKE 1.0): attendance before or after the score. What a registration has reached
-- follows from all that is stored about it, so the order leaves no trace: 1 its attendance was spoken of, 3 a part was
-- attended or scored, 4 it is passed for good, 5 its certificate has a number. Each write ends with results_follow().

-- Whether anybody was ever scored at the exam: its parts then stay as they are.
create function exam_scored(exam_ text) returns boolean language sql stable as $$
    select exists (select from session s join registration r using (session) join score using (entered)
                   where s.exam = exam_)
$$;

-- What the scores of a registration come to, only the settled ones or all: 'passed' when every part's points reach its
-- pass mark and their sum the exam's total, else 'failed'; NULL while a part is without points, or none is its own. Where
-- the exam combines, the best points count of the person's attempts up to this one.
create function result_outcome(r registration, settled boolean) returns text language plpgsql stable
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off
set enable_mergejoin = off
as $$
begin
    return (
        select case when count(*) filter (where best.own) > 0 and bool_and(best.points is not null)
                    then case when bool_and(best.points >= part.pass)
                                   and sum(best.points) >= coalesce(min(exam.total), 0) then 'passed' else 'failed' end end
        from session held
        join exam on exam.exam = held.exam
        join exam_part part on part.exam = exam.exam
        cross join lateral (
            select max(score.points) as points, bool_or(score.entered = r.entered) as own
            from (select r.entered
                  union all
                  select earlier.entered
                  from registration earlier join session s on s.session = earlier.session
                  where exam.combine and earlier.person = r.person and s.exam = exam.exam
                    and (s.date, earlier.entered) < (held.date, r.entered)) attempt
            join score on score.entered = attempt.entered and score.part = part.part and (score.final or not settled)) best
        where held.session = r.session);
end
$$;

create function result_reached(r registration) returns smallint language plpgsql stable
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off
set enable_mergejoin = off
as $$
begin
    return (case when exists (select from certified c where c.entered = r.entered) then 5
                     when exists (select from score s where s.entered = r.entered)
                         then case result_outcome(r, true) when 'passed' then 4 else 3 end
                     when exists (select from attendance a where a.entered = r.entered and a.status = 'present') then 3
                     when exists (select from attendance a where a.entered = r.entered) then 1
                     else 0 end)::smallint;
end
$$;

-- Tells the colleges of these persons' registrations what came of them, where that is not what they were told last, which
-- is a change of the registration. A result that is gone again (a part is without points since attempts were parted) is told without an outcome.
create function outcomes_tell(log_ bigint, persons_ bigint[]) returns void language plpgsql
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
    notices inbox_notice[];
begin
    with known as materialized (
        select r.entered, r.college, r.session, told, result_outcome(r, false) as outcome, result_outcome(r, true) as settled
        from registration r
        left join outcome_told told on told.entered = r.entered
        where r.person = any (persons_) and (r.reached >= 3 or told.entered is not null)
    ), changed as materialized (
        select entered, college, session, outcome, coalesce(outcome = settled, false) as final
        from known
        where ((told).outcome, coalesce((told).final, false)) is distinct from (outcome, coalesce(outcome = settled, false))
    ), forgotten as (
        delete from outcome_told where entered = any (array(select entered from changed where outcome is null))
    ), noted as (
        insert into outcome_told (entered, outcome, final)
        select entered, outcome, final from changed where outcome is not null
        on conflict (entered) do update set outcome = excluded.outcome, final = excluded.final
    ), touched as (
        update registration r set log = log_
        from changed
        where r.entered = any (array[changed.entered]) and r.log <> log_
    )
    select array_agg(notice(college, 'roc', 'result-in', session => session, entered => entered, outcome => outcome,
                            final => nullif(final, false)) order by entered)
    into notices
    from changed;
    perform inbox_tell(log_, notices);
end
$$;

-- Brings what the registrations of these persons have reached, and what their colleges were told, in step with what is
-- stored, under the number `log_`.
create function results_follow(log_ bigint, persons_ bigint[]) returns void language plpgsql
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off
as $$
begin
    with step as (
        select r.entered, result_reached(r) as reached
        from registration r
        where r.person = any (persons_) and r.reached <> result_reached(r)
    )
    update registration r set reached = step.reached, log = log_
    from step
    where r.entered = any (array[step.entered]);
    if found then
        perform recount_all(log_, persons_);
    end if;
    perform outcomes_tell(log_, persons_);
end
$$;

-- The registration that a line speaks of, or why there is none to speak of. The college is the speaker where it is not
-- named; the speaker must hold the session, or its office issue the exam. Of the candidates of others a host knows who has
-- a seat, and what was said of their attendance: `last` is when that, else the registration, changed.
create function result_named(party_ text, role_ text, session_ text, student_ bytea, college_ text, again_ integer)
returns table (code text, field text, again integer, named registration, exam text, issuer text, last bigint)
language plpgsql stable as $$
#variable_conflict use_column
declare
    held session;
    newest record;
    others boolean;
begin
    select * into held from session where session = session_;
    select e.exam, e.issuer into exam, issuer from exam e where e.exam = held.exam;
    if held.session is null then
        code := 'not-found';
        field := 'session';
    elsif not session_yours(party_, role_, held.exam, held.host) then
        code := 'not-yours';
        field := 'session';
    elsif not exists (select from institution i where i.code = coalesce(college_, party_)) or college_ is null and role_ = 'exams'
    then
        code := 'not-found';
        field := 'college';
    else
        select * into newest from registration_named(coalesce(college_, party_), session_, student_, again_);
        code := newest.code;
        field := newest.field;
        named := newest.newest;
        others := role_ = 'roc' and named.session is not null and not acting_for(party_, named.college);
        last := case when others then (select max(a.log) from attendance a where a.entered = named.entered) else named.log end;
        if others and named.state <> 'seated' then
            code := 'not-found';
            field := 'student';
        elsif code is null and newest.kind = 'ended' then
            code := 'ended';
            again := named.again + (named.state not in ('seated', 'waiting'))::integer;
        elsif code is null and named.state = 'waiting' then
            code := 'waiting';
            field := 'student';
        elsif code is null and log_today() < held.date then
            code := 'range';
            field := 'session';
        end if;
    end if;
    return next;
end
$$;

-- Whether a candidate was there for a part. It may be put right; that nobody was there does not go with points.
create function attend(party_ text, role_ text, certificate_ bytea,
                       session_ text, student_ bytea, college_ text, part_ text, status_ text, irregularity_ bytea,
                       again_ integer, seen_ bigint)
returns table (code text, field text, state text, again integer, repeated boolean, amended boolean, last bigint)
language plpgsql as $$
#variable_conflict use_column
declare
    found_ record;
    stored attendance;
    irregular bytea;
begin
    select * into found_ from result_named(party_, role_, session_, student_, college_, again_);
    code := found_.code;
    field := found_.field;
    again := found_.again;
    if code is null and not exists (select from exam_part p where p.exam = found_.exam and p.part = part_) then
        code := 'not-found';
        field := 'part';
    end if;
    if code is not null then
        return next;
        return;
    end if;

    select * into stored from attendance a where a.entered = (found_.named).entered and a.part = part_;
    irregular := case when irregularity_ is null then stored.irregularity else nullif(irregularity_, '') end;
    if stored.status = status_
       and substr(stored.irregularity, 1, 32) is not distinct from substr(irregular, 1, 32) then
        repeated := true;
    elsif found_.last > seen_ then
        code := 'changed';
        last := found_.last;
    elsif status_ = 'not-present'
          and exists (select from score s where s.entered = (found_.named).entered and s.part = part_) then
        code := 'range';
        field := 'status';
    else
        insert into attendance (entered, part, status, irregularity, log)
        values ((found_.named).entered, part_, status_, irregular, running_log())
        on conflict (entered, part) do update
        set status = excluded.status, irregularity = excluded.irregularity, log = excluded.log;
        amended := nullif(stored.part is not null, false);
        update registration r set log = running_log() where r.entered = (found_.named).entered;
        perform results_follow(running_log(), array[(found_.named).person]);
    end if;
    if code is null then
        state := (found_.named).state;
        again := nullif((found_.named).again, 1);
    end if;
    return next;
end
$$;

-- Points for a part. Settled ones (`final`) change by `revise` alone, which keeps the old ones beside them.
create function score(party_ text, role_ text, certificate_ bytea,
                      session_ text, student_ bytea, college_ text, part_ text, points_ numeric, final_ boolean,
                      revise_ boolean, again_ integer, seen_ bigint)
returns table (code text, field text, state text, again integer, outcome text, repeated boolean, amended boolean,
               last bigint)
language plpgsql as $$
#variable_conflict use_column
declare
    found_ record;
    stored score;
    most numeric;
    settles boolean;
begin
    select * into found_ from result_named(party_, role_, session_, student_, college_, again_);
    code := found_.code;
    field := found_.field;
    again := found_.again;
    select p.max into most from exam_part p where p.exam = found_.exam and p.part = part_;
    if code is null and most is null then
        code := 'not-found';
        field := 'part';
    end if;
    if code is not null then
        return next;
        return;
    end if;

    select * into stored from score s where s.entered = (found_.named).entered and s.part = part_;
    settles := coalesce(final_, stored.final, false);
    if stored.points = points_ and stored.final = settles then
        repeated := true;
    elsif found_.last > seen_ then
        code := 'changed';
        last := found_.last;
    elsif points_ > most then
        code := 'range';
        field := 'points';
    elsif exists (select from attendance a where a.entered = (found_.named).entered and a.part = part_
                                            and a.status = 'not-present') then
        code := 'range';
        field := 'part';
    elsif stored.final and not coalesce(revise_, false) then
        code := 'final';
        field := case when stored.points = points_ then 'final' else 'points' end;
    else
        insert into score as s (entered, part, points, final, log)
        values ((found_.named).entered, part_, points_, settles, running_log())
        on conflict (entered, part) do update
        set points = excluded.points, final = excluded.final, log = excluded.log;
        if stored.final then
            insert into score_revised (entered, part, points, log)
            values (stored.entered, part_, stored.points, running_log());
        end if;
        amended := nullif(stored.part is not null, false);
        update registration r set log = running_log() where r.entered = (found_.named).entered;
        perform results_follow(running_log(), array[(found_.named).person]);
    end if;
    if code is null then
        state := (found_.named).state;
        again := nullif((found_.named).again, 1);
        outcome := result_outcome(found_.named, false);
    end if;
    return next;
end
$$;

-- The number of the certificate of who has passed, for an exam that gives one (A1 of DiB does not). A number that was once
-- given stays that candidate's, also when a newer one takes its place.
create function certify(party_ text, role_ text, certificate_ bytea,
                        session_ text, student_ bytea, college_ text, number_ text, issued_ date, again_ integer,
                        seen_ bigint)
returns table (code text, field text, state text, again integer, repeated boolean, amended boolean, last bigint)
language plpgsql as $$
#variable_conflict use_column
declare
    found_ record;
    stored certified;
    taken certified;
begin
    select * into found_ from result_named(party_, role_, session_, student_, college_, again_);
    code := found_.code;
    field := found_.field;
    again := found_.again;
    if code is not null then
        return next;
        return;
    end if;

    select * into stored from certified c where c.entered = (found_.named).entered order by c.log desc limit 1;
    select * into taken from certified c where c.issuer = found_.issuer and c.number = number_;
    if stored.issuer = found_.issuer and stored.number = number_ and stored.issued = issued_ then
        repeated := true;
    elsif found_.last > seen_ then
        code := 'changed';
        last := found_.last;
    elsif not (select certificate from exam e where e.exam = found_.exam) then
        code := 'range';
        field := 'session';
    elsif result_outcome(found_.named, true) is distinct from 'passed' then
        code := 'not-passed';
    elsif issued_ not between (select date from session where session = session_) and log_today() then
        code := 'range';
        field := 'issued';
    elsif taken.entered <> (found_.named).entered then
        code := 'taken';
        field := 'number';
    else
        insert into certified (issuer, number, entered, issued, log)
        values (found_.issuer, number_, (found_.named).entered, issued_, running_log())
        on conflict (issuer, number) do update set issued = excluded.issued, log = excluded.log;
        perform inbox_tell(running_log(), array[notice((found_.named).college, 'roc', 'certificate-in', session => session_,
                                                       entered => (found_.named).entered, date => issued_,
                                                       number => number_)]);
        amended := nullif(stored.number is not null, false);
        update registration r set log = running_log() where r.entered = (found_.named).entered;
        perform results_follow(running_log(), array[(found_.named).person]);
    end if;
    if code is null then
        state := (found_.named).state;
        again := nullif((found_.named).again, 1);
    end if;
    return next;
end
$$;

-- A row a part of a registration that anything came of, with the registration's `log`: what came of the other parts, and of
-- other attempts, shows in `outcome`. A college sees its own, the exam office those of its exams; Nuffic
-- and the administrator no personal data; the ministry nothing.
create function scores(party_ text, role_ text, certificate_ bytea,
                       only_session text, only_student bytea, only_institution text, after_ text, limit_ integer)
returns table (code text, field text, session text, student bytea, institution text, part text, status text,
               irregularity bytea, points numeric, final boolean, outcome text, number text, issued date, again integer,
               log bigint, after text)
language plpgsql stable
set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
declare
    codes text[] := case when role_ in ('roc', 'exams') then acting_codes(party_) else '{}' end;
    names boolean := role_ in ('roc', 'exams');
    behind bigint := token_number(after_, 1);
begin
    if after_ is not null and behind is null then
        code := 'range';
        field := 'after';
        return next;
        return;
    end if;
    return query
        with page as materialized (
            select r, p.part, a.status, a.irregularity, s.points, s.final
            from registration r
            join session held on held.session = r.session
            join exam e on e.exam = held.exam
            join exam_part p on p.exam = e.exam
            left join attendance a on a.entered = r.entered and a.part = p.part
            left join score s on s.entered = r.entered and s.part = p.part
            where r.reached > 0 and (a.part is not null or s.part is not null)
              and (only_session is null or r.session = only_session)
              and (only_student is null or names and r.student_hash = substr(only_student, 1, 32))
              and (only_institution is null or r.college = only_institution)
              and case role_ when 'roc' then r.college = any (codes) when 'exams' then e.issuer = any (codes)
                             else role_ in ('nuffic', 'admin') end
              and (behind is null or (r.entered, p.part) > (behind, split_part(after_, ':', 2)))
            order by r.entered, p.part
            limit limit_
        )
        select null, null, (page.r).session,
               case when names then (select t.student from student t where t.college = (page.r).college
                                                                       and t.student_hash = (page.r).student_hash) end,
               (page.r).college, page.part, page.status, case when names then page.irregularity end,
               trim_scale(page.points), page.final, result_outcome(page.r, false), given.number, given.issued,
               nullif((page.r).again, 1), (page.r).log, (page.r).entered || ':' || page.part
        from page
        left join lateral (select * from certified c where c.entered = (page.r).entered order by c.log desc limit 1) given
            on true
        order by (page.r).entered, page.part;
end
$$;
