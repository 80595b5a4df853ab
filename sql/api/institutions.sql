-- Institutions: colleges, schools, exam offices, the ministry. Reference data, which every role sees whole.

create function institution(party_ text, role_ text, certificate_ bytea,
                            code_ text, name_ text, kind_ text, country_ text, province_ text, region_ text,
                            place_ text,
                            board_ text, from_ date, numbers_ text, seen_ bigint)
returns table (code text, field text, repeated boolean, amended boolean, last bigint) language plpgsql as $$
#variable_conflict use_column
declare
    stored institution;
    wanted institution;
begin
    select * into stored from institution where code = code_;
    wanted := (code_, name_, kind_, country_, or_stored(province_, stored.province), or_stored(region_, stored.region),
               or_stored(place_, stored.place), or_stored(board_, stored.board), or_stored(from_, stored."from"),
               stored.until, stored.successor, or_stored(numbers_, stored.numbers), stored.log);
    if stored.code is null then
        null;
    elsif wanted is not distinct from stored then
        repeated := true;
        return next;
        return;
    elsif stored.log > seen_ then
        code := 'changed';
        last := stored.log;
    end if;
    if code is null and wanted."from" > wanted.until then
        code := 'range';
        field := 'from';
    elsif code is null and wanted.province is not null and wanted.country <> 'NL' then
        code := 'range';
        field := 'province';
    end if;
    if code is not null then
        return next;
        return;
    end if;

    wanted.log := running_log();
    if stored.code is null then
        insert into institution select wanted.*;
    else
        update institution
        set name = wanted.name, kind = wanted.kind, country = wanted.country, province = wanted.province,
            region = wanted.region, place = wanted.place, board = wanted.board, "from" = wanted."from",
            numbers = wanted.numbers, log = wanted.log
        where code = code_;
        amended := true;
        if wanted.province is distinct from stored.province then
            perform contingents_move(null, code_, running_log());
        end if;
    end if;
    return next;
end
$$;

create function institution_end(party_ text, role_ text, certificate_ bytea,
                                code_ text, until_ date, successor_ text, seen_ bigint)
returns table (code text, field text, repeated boolean, amended boolean, last bigint) language plpgsql as $$
#variable_conflict use_column
declare
    stored institution;
    heir text;
begin
    select * into stored from institution where code = code_;
    heir := or_stored(successor_, stored.successor);
    if stored.code is null then
        code := 'not-found';
        field := 'code';
    elsif stored.until = until_ and stored.successor is not distinct from heir then
        repeated := true;
    elsif stored.log > seen_ then
        code := 'changed';
        last := stored.log;
    elsif stored."from" > until_ then
        code := 'range';
        field := 'until';
    elsif heir is not null and not exists (select from institution where code = heir) then
        code := 'not-found';
        field := 'successor';
    elsif heir is not null and exists (
            with recursive line (code) as (
                select heir
                union
                select institution.successor from institution join line on institution.code = line.code
                where institution.successor is not null)
            select from line where line.code = code_) then
        code := 'range';
        field := 'successor';
    else
        update institution set until = until_, successor = heir, log = running_log() where code = code_;
        amended := nullif(stored.until is not null, false);
    end if;
    return next;
end
$$;

create function institutions(party_ text, role_ text, certificate_ bytea, only_code text, after_ text, limit_ integer)
returns table (code text, field text, code_ text, name text, kind text, country text, province text, region text,
               place text, board text, "from" date, until date, successor text, numbers text, log bigint, after text)
language plpgsql stable as $$
#variable_conflict use_column
begin
    return query
        select null, null, i.code, i.name, i.kind, i.country, i.province, i.region, i.place, i.board, i."from", i.until,
               i.successor, i.numbers, i.log, i.code
        from institution i
        where (only_code is null or i.code = only_code) and i.code > coalesce(after_, '')
        order by i.code
        limit limit_;
end
$$;
