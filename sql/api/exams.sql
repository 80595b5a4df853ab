-- Exams and their parts. Reference data, which every role sees whole; an exam office keeps the exams that it issues.

-- The line's `exam` may be changed by a speaker: the administrator, or the office that issues it.
create function exam_yours(party_ text, role_ text, issuer_ text) returns boolean language sql stable as $$
    select role_ = 'admin' or acting_for(party_, issuer_)
$$;

-- Whether anybody was ever registered for a session of the exam.
create function exam_used(exam_ text) returns boolean language sql stable as $$
    select exists (select from session s
                   where s.exam = exam_ and exists (select from registration r where r.session = s.session))
$$;

-- Language and level say where registrations count, also those of the past, so they stay once there is one; so do the
-- edition, the rules of passing, and the parts, once anybody was scored: the edition that was valid at registration applies, and
-- another one is another exam.
create function exam(party_ text, role_ text, certificate_ bytea,
                     exam_ text, issuer_ text, language_ text, level_ text, gives_certificate boolean, edition_ text,
                     combine_ boolean, total_ numeric, notice_ integer, wishes_ text, seen_ bigint)
returns table (code text, field text, repeated boolean, amended boolean, last bigint) language plpgsql as $$
#variable_conflict use_column
declare
    stored exam;
    wanted exam;
begin
    select * into stored from exam where exam.exam = exam_;
    wanted := (exam_, issuer_, language_, level_, gives_certificate, edition_, coalesce(combine_, stored.combine),
               or_stored(total_, stored.total), stored.log, or_stored(notice_, stored.notice),
               or_stored(wishes_, stored.wishes));
    if stored.exam is not null and not exam_yours(party_, role_, stored.issuer) then
        code := 'not-yours';
        field := 'exam';
    elsif stored.exam is not null and wanted is not distinct from stored then
        repeated := true;
    elsif stored.log > seen_ then
        code := 'changed';
        last := stored.log;
    elsif not exists (select from institution where institution.code = issuer_) then
        code := 'not-found';
        field := 'issuer';
    elsif not exam_yours(party_, role_, issuer_) then
        code := 'not-yours';
        field := 'issuer';
    elsif stored.language <> language_ and exam_used(exam_) then
        code := 'range';
        field := 'language';
    elsif stored.level <> level_ and exam_used(exam_) then
        code := 'range';
        field := 'level';
    elsif (stored.edition, stored.combine, stored.total) is distinct from (edition_, wanted.combine, wanted.total)
          and exam_scored(exam_) then
        code := 'range';
        field := case when stored.edition <> edition_ then 'edition'
                      when stored.combine is distinct from wanted.combine then 'combine' else 'total' end;
    elsif stored.exam is null then
        wanted.log := running_log();
        insert into exam select wanted.*;
    else
        update exam
        set issuer = issuer_, language = language_, level = level_, certificate = gives_certificate, edition = edition_,
            combine = wanted.combine, total = wanted.total, notice = wanted.notice, wishes = wanted.wishes, log = running_log()
        where exam.exam = exam_;
        amended := true;
        perform notice_follow(exam_, coalesce(wanted.notice, 28));
    end if;
    return next;
end
$$;

-- An exam has at most 50 parts, so that a row of `exams` keeps to one line.
create function exam_part(party_ text, role_ text, certificate_ bytea,
                          exam_ text, part_ text, max_ numeric, pass_ numeric, seen_ bigint)
returns table (code text, field text, repeated boolean, amended boolean, last bigint) language plpgsql as $$
#variable_conflict use_column
declare
    whole exam;
    stored exam_part;
begin
    select * into whole from exam where exam.exam = exam_;
    select * into stored from exam_part part where part.exam = exam_ and part.part = part_;
    if whole.exam is null then
        code := 'not-found';
        field := 'exam';
    elsif not exam_yours(party_, role_, whole.issuer) then
        code := 'not-yours';
        field := 'exam';
    elsif stored.max = max_ and stored.pass = pass_ then
        repeated := true;
    elsif stored.log > seen_ then
        code := 'changed';
        last := stored.log;
    elsif pass_ > max_ then
        code := 'range';
        field := 'pass';
    elsif exam_scored(exam_) then
        code := 'range';
        field := case when stored.part is null then 'part' when stored.max <> max_ then 'max' else 'pass' end;
    elsif stored.part is null and (select count(*) >= 50 from exam_part part where part.exam = exam_) then
        code := 'full';
        field := 'part';
    elsif stored.part is null then
        insert into exam_part (exam, part, max, pass, log) values (exam_, part_, max_, pass_, running_log());
    else
        update exam_part part set max = max_, pass = pass_, log = running_log()
        where part.exam = exam_ and part.part = part_;
        amended := true;
    end if;
    return next;
end
$$;

create function exams(party_ text, role_ text, certificate_ bytea, only_exam text, after_ text, limit_ integer)
returns table (code text, field text, exam text, issuer text, language text, level text, certificate boolean,
               edition text, combine boolean, total numeric, notice integer, wishes text, parts text, log bigint, after text)
language plpgsql stable as $$
#variable_conflict use_column
begin
    return query
        select null, null, e.exam, e.issuer, e.language, e.level, e.certificate, e.edition, e.combine,
               trim_scale(e.total), e.notice, e.wishes, own.parts, greatest(e.log, own.log), e.exam
        from exam e, lateral (
            select string_agg(part || ':' || trim_scale(max) || ':' || trim_scale(pass), ',' order by part) as parts,
                   max(part.log) as log
            from exam_part part where part.exam = e.exam) own
        where (only_exam is null or e.exam = only_exam) and e.exam > coalesce(after_, '')
        order by e.exam
        limit limit_;
end
$$;
