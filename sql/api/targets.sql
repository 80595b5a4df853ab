-- The policy's targets: how many persons a year should reach a rung.

create function target(party_ text, role_ text, certificate_ bytea,
                       year_ integer, language_ text, rung_ text, count_ integer, seen_ bigint)
returns table (code text, field text, repeated boolean, amended boolean, last bigint) language plpgsql as $$
#variable_conflict use_column
declare
    newest target;
begin
    select * into newest from target where year = year_ and language = language_ and rung = rung_
    order by log desc limit 1;
    if newest.count = count_ then
        repeated := true;
    elsif newest.log > seen_ then
        code := 'changed';
        last := newest.log;
    else
        insert into target (year, language, rung, count, log) values (year_, language_, rung_, count_, running_log());
        amended := nullif(newest.log is not null, false);
    end if;
    return next;
end
$$;

create function targets(party_ text, role_ text, certificate_ bytea,
                        only_year integer, only_language text, only_rung text, after_ text, limit_ integer)
returns table (code text, field text, year integer, language text, rung text, count integer, log bigint, after text)
language plpgsql stable as $$
#variable_conflict use_column
begin
    if after_ is not null and token_number(after_, 1) is null then
        code := 'range';
        field := 'after';
        return next;
        return;
    end if;
    return query
        select distinct on (t.year, t.language, t.rung)
               null, null, t.year, t.language, t.rung, t.count, t.log, concat_ws(':', t.year, t.language, t.rung)
        from target t
        where (only_year is null or t.year = only_year)
          and (only_language is null or t.language = only_language)
          and (only_rung is null or t.rung = only_rung)
          and (after_ is null or (t.year::bigint, t.language, t.rung)
               > (token_number(after_, 1), split_part(after_, ':', 2), split_part(after_, ':', 3)))
        order by t.year, t.language, t.rung, t.log desc
        limit limit_;
end
$$;
