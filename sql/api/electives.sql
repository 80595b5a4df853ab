-- Electives (keuzedelen), and which college offers which in what school year.

create function elective(party_ text, role_ text, certificate_ bytea,
                         code_ text, title_ text, language_ text, receptive_ text, productive_ text, hours_ integer,
                         set_ date, enrol_until_ date, complete_until_ date, seen_ bigint)
returns table (code text, field text, repeated boolean, amended boolean, last bigint) language plpgsql as $$
#variable_conflict use_column
declare
    stored elective;
    wanted elective;
begin
    select * into stored from elective where code = code_;
    wanted := (code_, title_, language_, receptive_, productive_, or_stored(hours_, stored.hours),
               or_stored(set_, stored."set"), or_stored(enrol_until_, stored.enrol_until),
               or_stored(complete_until_, stored.complete_until), stored.log);
    if stored.code is not null and wanted is not distinct from stored then
        repeated := true;
    elsif stored.log > seen_ then
        code := 'changed';
        last := stored.log;
    elsif wanted."set" > wanted.enrol_until then
        code := 'range';
        field := 'enrol-until';
    elsif wanted.enrol_until > wanted.complete_until or wanted."set" > wanted.complete_until then
        code := 'range';
        field := 'complete-until';
    elsif stored.code is null then
        wanted.log := running_log();
        insert into elective select wanted.*;
    else
        update elective
        set title = title_, language = language_, receptive = receptive_, productive = productive_,
            hours = wanted.hours,
            "set" = wanted."set", enrol_until = wanted.enrol_until, complete_until = wanted.complete_until,
            log = running_log()
        where code = code_;
        amended := true;
    end if;
    return next;
end
$$;

create function electives(party_ text, role_ text, certificate_ bytea, only_code text, after_ text, limit_ integer)
returns table (code text, field text, code_ text, title text, language text, receptive text, productive text,
               hours integer, "set" date, "enrol-until" date, "complete-until" date, log bigint, after text)
language plpgsql stable as $$
#variable_conflict use_column
begin
    return query
        select null, null, e.code, e.title, e.language, e.receptive, e.productive, e.hours, e."set", e.enrol_until,
               e.complete_until, e.log, e.code
        from elective e
        where (only_code is null or e.code = only_code) and e.code > coalesce(after_, '')
        order by e.code
        limit limit_;
end
$$;

-- Whose offer a line speaks of, for `offer` and `retract`: the college, or the refusal. A college speaks for itself and
-- its predecessors; Nuffic says for whom it speaks, and alone may say that it corrects what is over.
create function offer_college(party_ text, role_ text, institution_ text, correct_ boolean)
returns table (code text, field text, college text) language plpgsql stable as $$
#variable_conflict use_column
begin
    college := coalesce(institution_, party_);
    field := 'institution';
    if role_ = 'roc' and not acting_for(party_, college) then
        code := 'not-yours';
    elsif not exists (select from institution where institution.code = college) then
        code := 'not-found';
    elsif role_ = 'nuffic' and institution_ is null then
        code := 'range';
    elsif role_ = 'roc' and correct_ then
        code := 'not-yours';
        field := 'correct';
    else
        field := null;
    end if;
    return next;
end
$$;

-- Whether a new offer is too late, and by which field: the elective takes no new enrolment any more when the day or the
-- school year's first day is past its last; an institution that has ended by then offers nothing.
create function offer_closed(elective_ text, schoolyear_ integer, college_ text) returns text language sql stable as $$
    select case
        when exists (select from institution
                     where code = college_ and until < greatest(registry_today(), make_date(schoolyear_, 8, 1)))
            then 'institution'
        when exists (select from elective
                     where code = elective_ and enrol_until < greatest(registry_today(), make_date(schoolyear_, 8, 1)))
            then 'elective'
    end
$$;

create function offer(party_ text, role_ text, certificate_ bytea,
                      elective_ text, schoolyear_ integer, students_ integer, location_ text, institution_ text,
                      correct_ boolean, again_ integer, seen_ bigint)
returns table (code text, field text, state text, again integer, repeated boolean, amended boolean, last bigint)
language plpgsql as $$
#variable_conflict use_column
declare
    college_ text;
    newest offer;
    kind text;
begin
    select o.code, o.field, o.college into code, field, college_
    from offer_college(party_, role_, institution_, correct_) o;
    if code is null and not exists (select from elective where elective.code = elective_) then
        code := 'not-found';
        field := 'elective';
    end if;
    if code is not null then
        return next;
        return;
    end if;

    select * into newest from offer
    where institution = college_ and elective = elective_ and schoolyear = schoolyear_
    order by offer.again desc limit 1;
    kind := attempt_kind(again_, newest.again, newest.state = 'offered');
    if kind = 'live' and newest.students is not distinct from or_stored(students_, newest.students)
                     and newest.location is not distinct from or_stored(location_, newest.location) then
        repeated := true;
    elsif kind = 'ended' then
        code := 'ended';
        again := newest.again + (newest.state <> 'offered')::integer;
    elsif kind = 'again' then
        code := 'again';
        field := 'again';
    elsif newest.log > seen_ then
        code := 'changed';
        last := newest.log;
    elsif kind = 'live' then
        update offer
        set students = or_stored(students_, newest.students), location = or_stored(location_, newest.location),
            log = running_log()
        where institution = college_ and elective = elective_ and schoolyear = schoolyear_
          and offer.again = newest.again;
        amended := true;
    elsif not coalesce(correct_, false) and offer_closed(elective_, schoolyear_, college_) is not null then
        code := 'closed';
        field := offer_closed(elective_, schoolyear_, college_);
    else
        newest.again := coalesce(again_, 1);
        insert into offer (elective, schoolyear, institution, again, state, students, location, log)
        values (elective_, schoolyear_, college_, newest.again, 'offered', or_stored(students_, null),
                or_stored(location_, null), running_log());
    end if;
    if code is null then
        state := 'offered';
        again := nullif(newest.again, 1);
    end if;
    return next;
end
$$;

create function retract(party_ text, role_ text, certificate_ bytea,
                        elective_ text, schoolyear_ integer, institution_ text, again_ integer, seen_ bigint)
returns table (code text, field text, state text, again integer, repeated boolean, last bigint) language plpgsql as $$
#variable_conflict use_column
declare
    college_ text;
    newest offer;
    kind text;
begin
    select o.code, o.field, o.college into code, field, college_
    from offer_college(party_, role_, institution_, false) o;
    if code is not null then
        return next;
        return;
    end if;

    select * into newest from offer
    where institution = college_ and elective = elective_ and schoolyear = schoolyear_
    order by offer.again desc limit 1;
    kind := attempt_kind(again_, newest.again, newest.state = 'offered');
    if newest.again is null then
        code := 'not-found';
        field := 'elective';
    elsif kind = 'ended' then
        repeated := true;
    elsif kind <> 'live' then
        code := 'again';
        field := 'again';
    elsif newest.log > seen_ then
        code := 'changed';
        last := newest.log;
    else
        update offer set state = 'retracted', log = running_log()
        where institution = college_ and elective = elective_ and schoolyear = schoolyear_
          and offer.again = newest.again;
    end if;
    if code is null then
        state := 'retracted';
        again := nullif(coalesce(again_, 1), 1);
    end if;
    return next;
end
$$;

-- The newest attempt of each offer: a college its own, the exam office none; the ministry without exact small numbers.
create function offers(party_ text, role_ text, certificate_ bytea,
                       only_elective text, only_schoolyear integer, only_institution text, after_ text, limit_ integer)
returns table (code text, field text, elective text, schoolyear integer, institution text, students text, location text,
               state text, again integer, log bigint, after text)
language plpgsql stable as $$
#variable_conflict use_column
declare
    codes text[] := case when role_ = 'roc' then acting_codes(party_) end; -- once, not for each offer
begin
    if after_ is not null and token_number(after_, 3) is null then
        code := 'range';
        field := 'after';
        return next;
        return;
    end if;
    return query
        select null, null, o.elective, o.schoolyear, o.institution,
               case when role_ = 'ocw' then masked(o.students) else o.students::text end, o.location, o.state,
               nullif(o.again, 1), o.log, concat_ws(':', o.institution, o.elective, o.schoolyear)
        from offer o
        where (role_ in ('nuffic', 'ocw', 'admin') or role_ = 'roc' and o.institution = any (codes))
          and (only_elective is null or o.elective = only_elective)
          and (only_schoolyear is null or o.schoolyear = only_schoolyear)
          and (only_institution is null or o.institution = only_institution)
          and (after_ is null or (o.institution, o.elective, o.schoolyear::bigint)
               > (split_part(after_, ':', 1), split_part(after_, ':', 2), token_number(after_, 3)))
          and not exists (select from offer later
                          where later.institution = o.institution and later.elective = o.elective
                            and later.schoolyear = o.schoolyear and later.again > o.again)
        order by o.institution, o.elective, o.schoolyear
        limit limit_;
end
$$;
