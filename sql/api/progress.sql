-- What people read of the counts: running sums, the same cost with ten rows as with ten million; `as-of` sums the
-- tally, and gives for ever the answer it gave.

-- The count of one rung among the five.
create function rung_count(rung text, registered bigint, seated bigint, sat bigint, passed bigint, certified bigint)
returns bigint language sql immutable as $$
    select case rung when 'registered' then registered when 'seated' then seated when 'sat' then sat
                     when 'passed' then passed when 'certified' then certified end
$$;

-- A count as the ministry sees it where it is not a national total: down to a multiple of 5, and `<5` below that.
create function masked(count bigint) returns text language sql immutable as $$
    select case when count < 5 then '<5' else (count - count % 5)::text end
$$;

-- What it can be by that: at least and at most.
create function masked_least(count numeric) returns numeric language sql immutable as $$
    select case when count < 5 then 1 else count - count % 5 end
$$;
create function masked_most(count numeric) returns numeric language sql immutable as $$
    select masked_least(count) + case when count < 5 then 3 else 4 end
$$;

-- A year's cells and their counts on one rung: now, or (at not NULL) as they were at that number of the log.
create function cell_counts(year_ integer, language_ text, rung_ text, at bigint)
returns table (language text, institution text, province text, level text, exam text, month date,
               nation bigint, own bigint)
language plpgsql stable as $$
#variable_conflict use_column
declare
    bit integer := rung_count(rung_, 1, 2, 4, 8, 16);
begin
    if at is null then
        return query
            select c.language, c.institution, c.province, c.level, c.exam, c.month,
                   rung_count(rung_, c.registered, c.seated, c.sat, c.passed, c.certified),
                   rung_count(rung_, c.own_registered, c.own_seated, c.own_sat, c.own_passed, c.own_certified)
            from cell c
            where c.year = year_ and (language_ is null or c.language = language_);
    else
        return query
            select c.language, c.institution, c.province, c.level, c.exam, c.month,
                   -- width_bucket(): how many of its numbers had been by then
                   coalesce(sum(t.step * width_bucket(at, t.logs)) filter (where t.sums & bit <> 0), 0),
                   coalesce(sum(t.step * width_bucket(at, t.logs)) filter (where t.sums & (bit << 5) <> 0), 0)
            from cell c join tally t on t.cell = c.cell
            where c.year = year_ and (language_ is null or c.language = language_) and t.logs[1] <= at
            group by c.cell;
    end if;
end
$$;

-- The nation's total of each language, by the running sums: now, or (yesterday) at the end of the day before today.
create function nation_counts(year_ integer, rung_ text, yesterday boolean) returns table (language text, count bigint)
language plpgsql stable as $$
#variable_conflict use_column
declare
    today date := log_today();
begin
    if yesterday and exists (select from day_opening where day = today) then
        return query
            select o.language, rung_count(rung_, o.registered, o.seated, o.sat, o.passed, o.certified)
            from day_opening o
            where o.day = today and o.year = year_;
    else
        return query
            select c.language, sum(rung_count(rung_, c.registered, c.seated, c.sat, c.passed, c.certified))::bigint
            from cell c
            where c.year = year_
            group by c.language;
    end if;
end
$$;

-- The newest number of the days that were over when `day_` began.
create function log_before(day_ date) returns bigint language sql stable as $$
    select case when head.day < day_ then head.log
                else coalesce((select max(log_day.log) from log_day where log_day.day < day_), 0) end
    from log_head head
$$;

-- Whether no write of that day can come any more: one of a later day has been, or the day is over for longer than a write
-- takes that began in its last second and is not to be seen yet.
create function day_over(day_ date) returns boolean language sql stable as $$
    select head.day > day_ or ((registry_now() - interval '1 minute') at time zone 'Europe/Amsterdam')::date > day_
    from log_head head
$$;

-- What `as-of` asks for: the number, and the number that a college may see the nation at. A day means its end and must
-- be over. The ministry sees ends of months, so that small cells cannot be found by subtracting one day from the next.
create function progress_moment(role_ text, as_of text)
returns table (code text, at bigint, nation_at bigint) language plpgsql stable as $$
#variable_conflict use_column
declare
    asked date;
begin
    if as_of ~ '^[0-9]+$' then
        at := as_of::bigint;
        nation_at := coalesce((select max(log) from log_day where log < at), 0);
        code := case when at > (select log from log_head) then 'not-found' when role_ = 'ocw' then 'range' end;
    elsif as_of is not null then
        asked := as_of::date;
        at := log_before(asked + 1);
        nation_at := at;
        code := case when not day_over(asked) then 'not-found'
                     when role_ = 'ocw' and extract(day from asked + 1) <> 1 then 'range' end;
    end if;
    return next;
end
$$;

-- A target as it was at a number of the log; NULL: now.
create function target_at(year_ integer, language_ text, rung_ text, at bigint)
returns integer language sql stable as $$
    select count from target
    where year = year_ and language = language_ and rung = rung_ and (at is null or log <= at)
    order by log desc limit 1
$$;

-- The languages that are told even where nobody counts: the one asked for, else those with a target.
create function progress_languages(year_ integer, language_ text, rung_ text, at bigint) returns table (language text)
language sql stable as $$
    select language_ where language_ is not null
    union
    select target.language from target
    where language_ is null and year = year_ and rung = rung_ and (at is null or log <= at)
$$;

-- A college's own figures, over its own rows and those of each code it acts for: a row a language.
create function progress_own(codes text[], year_ integer, language_ text, rung_ text, at bigint)
returns table (language text, count numeric) language sql stable as $$
    select one.language, sum(one.count)
    from (select language, own as count, false as told from cell_counts(year_, language_, rung_, at)
          where institution = any (codes)
          union all
          select language, 0, true from progress_languages(year_, language_, rung_, at)) one
    group by one.language
    having sum(one.count) <> 0 or bool_or(one.told)
$$;

-- The nation's figures, a row a language: at a number of the log; NULL: now, or (yesterday) as of the end of yesterday.
create function progress_nation(year_ integer, language_ text, rung_ text, at bigint, yesterday boolean)
returns table (language text, count numeric) language sql stable as $$
    select one.language, sum(one.count)
    from (select language, count, false as told from nation_counts(year_, rung_, yesterday)
          where at is null and (language_ is null or language = language_)
          union all
          select language, nation, false from cell_counts(year_, language_, rung_, at) where at is not null
          union all
          select language, 0, true from progress_languages(year_, language_, rung_, at)) one
    group by one.language
    having sum(one.count) <> 0 or bool_or(one.told)
$$;

-- The languages whose cells the ministry may be told in that way: those of which no cell of 1 to 4 can be worked out by who
-- subtracts the others from the nation's exact total, and from the cells of the provinces where it asks for institutions,
-- of the levels where it asks for exams, when it may have those too. A language's only cell is its total, which is told.
create function languages_told(year_ integer, language_ text, rung_ text, by_ text, at bigint) returns setof text
language plpgsql stable as $$
#variable_conflict use_column
declare
    above_ text := case by_ when 'institution' then 'province' when 'exam' then 'level' end;
    told_above text[] := case when above_ is null then '{}'
                              else array(select languages_told(year_, language_, rung_, above_, at)) end;
begin
    return query
        with leaf as (
            select c.language,
                   case when c.language <> all (told_above) then '' when above_ = 'province' then c.province else c.level end as above,
                   sum(c.nation) as count
            from cell_counts(year_, language_, rung_, at) c
            group by 1, 2, case by_ when 'month' then c.month::text when 'institution' then c.institution
                                    when 'province' then c.province when 'level' then c.level when 'exam' then c.exam end
            having sum(c.nation) <> 0
        ), branch as (
            select language, language = any (told_above) as layered, sum(count) as count, sum(masked_least(count)) as least,
                   sum(masked_most(count)) as most, bool_or(count < 5) as small, count(*) as leaves
            from leaf
            group by language, above
        ), bounded as (
            select *, case when layered then greatest(masked_least(count), least) else count end as low,
                   case when layered then least(masked_most(count), most) else count end as high
            from branch
        ), narrowed as (
            -- What the total leaves for one when the others are as low, or as high, as can be.
            select *, greatest(low, sum(count) over nation - sum(high) over nation + high) as lowest,
                   least(high, sum(count) over nation - sum(low) over nation + low) as highest
            from bounded
            window nation as (partition by language)
        )
        select language from narrowed
        group by language
        having sum(leaves) = 1
            or bool_and(not small or greatest(1, lowest - most + 4) < least(4, highest - least + 1))
               and bool_and(not layered or count >= 5 or lowest < highest);
end
$$;

-- The cells that are not 0, by month, institution, province, level or exam: of a college (it acts for `codes`) its own, of
-- an exam office the nation's at its exams, else the nation's.
create function progress_cells(role_ text, codes text[], year_ integer, language_ text, rung_ text, by_ text, at bigint)
returns table (language text, key text, count bigint) language sql stable as $$
    select c.language,
           case by_ when 'month' then to_char(c.month, 'YYYY-MM') when 'institution' then c.institution
                    when 'province' then nullif(c.province, '') when 'level' then c.level
                    when 'exam' then c.exam end as key,
           sum(case when role_ = 'roc' then c.own else c.nation end)::bigint
    from cell_counts(year_, language_, rung_, at) c
    where case role_ when 'roc' then c.institution = any (codes)
                     when 'exams' then c.exam = any (array(select exam from exam where issuer = any (codes)))
                     else true end
    group by 1, 2
    having sum(case when role_ = 'roc' then c.own else c.nation end) <> 0
$$;

-- The nation's total of a year, language and rung when a day began: as that day, or the next on which anything changed,
-- found it.
create function nation_opening(year_ integer, language_ text, rung_ text, day_ date) returns bigint
language plpgsql stable as $$
declare
    first date := (select min(day) from day_opening where day >= day_);
begin
    if first is null then
        return (select coalesce(sum(rung_count(rung_, c.registered, c.seated, c.sat, c.passed, c.certified)), 0)
                from cell c where c.year = year_ and c.language = language_);
    end if;
    return coalesce((select rung_count(rung_, o.registered, o.seated, o.sat, o.passed, o.certified)
                     from day_opening o where o.day = first and o.year = year_ and o.language = language_), 0);
end
$$;

-- The 90th percentile of Student's t for so many degrees of freedom: four in five lie between it and its opposite.
create function t_80(freedom integer) returns double precision language sql immutable as $$
    select coalesce((array[3.078, 1.886, 1.638, 1.533, 1.476, 1.440, 1.415, 1.397, 1.383, 1.372])[freedom], 1.282)
$$;

-- The day of another year that stands as far in it as a day does in its own, which has more days or fewer.
create function same_day(day_ date, year_ integer, other integer) returns date language sql immutable as $$
    select least(make_date(other, 1, 1) + (day_ - make_date(year_, 1, 1)), make_date(other, 12, 31))
$$;

-- Where a year that has `count_` on a day is likely to end, by how the ten years before it filled up from the same day of theirs:
-- the logarithms of by how much, taken as normal; the interval holds four in five. `pace` is what a year that just makes its
-- target has by that day. With fewer than three such years forecast is 'none' and there is no pace. When the year is over,
-- the pace is the target, and nothing is forecast.
create function year_outlook(year_ integer, language_ text, rung_ text, day_ date, count_ numeric, target_ integer)
returns table (pace bigint, forecast text, low bigint, high bigint) language plpgsql stable rows 1 as $$
#variable_conflict use_column
declare
    years integer;
    middle double precision;
    spread double precision;
begin
    if day_ > make_date(year_, 12, 31) then
        pace := target_;
        return next;
        return;
    end if;
    select count(*), avg(ln(ends / begins)), coalesce(stddev_samp(ln(ends / begins)), 0)
    into years, middle, spread
    from generate_series(year_ - 10, year_ - 1) past,
         lateral (select nation_opening(past, language_, rung_, day_)::double precision as ends
                  where make_date(past, 12, 31) < day_) whole,
         lateral (select nation_opening(past, language_, rung_, same_day(day_, year_, past) + 1)::double precision as begins
                  where ends > 0) part
    where begins > 0;
    forecast := 'none';
    if years >= 3 then
        pace := round(target_ * exp(-middle));
        if count_ > 0 then
            spread := spread * t_80(years - 1) * sqrt(1 + 1.0 / years);
            forecast := round(count_::double precision * exp(middle))::bigint::text;
            low := round(count_::double precision * exp(middle - spread));
            high := round(count_::double precision * exp(middle + spread));
        end if;
    end if;
    return next;
end
$$;

-- The day in Amsterdam of a number of the log; NULL (now): today; 0: long ago.
create function log_day_of(at bigint) returns date language sql stable as $$
    select case when at is null then log_today() when at = 0 then '1900-01-01'
                else (select (a.time at time zone 'Europe/Amsterdam')::date from audit a where a.log = at) end
$$;

-- The year of a day; of one long ago the first that a registry counts.
create function year_of(day_ date) returns integer language sql immutable as $$
    select greatest(extract(year from day_)::integer, 1990)
$$;

create function progress(party_ text, role_ text, certificate_ bytea,
                         year_ integer, language_ text, rung_ text, by_ text, as_of text)
returns table (code text, field text, scope text, year integer, language text, rung text, month text, institution text,
               province text, level text, exam text, count text, target integer, pace bigint, forecast text, low bigint,
               high bigint, log bigint)
language plpgsql stable as $$
#variable_conflict use_column
declare
    newest bigint := (select head.log from log_head head);
    college boolean := role_ = 'roc';
    codes text[] := case when role_ in ('roc', 'exams') then acting_codes(party_) end; -- once, not for each cell
    at bigint;
    nation_at bigint;
    day_ date;
begin
    rung_ := coalesce(rung_, 'seated');
    select moment.code, moment.at, moment.nation_at into code, at, nation_at from progress_moment(role_, as_of) moment;
    if code is not null then
        field := 'as-of';
        return next;
        return;
    end if;
    day_ := case when as_of ~ '-' then as_of::date else log_day_of(at) end;
    year_ := coalesce(year_, year_of(day_));
    if by_ is not null then
        return query
            select null, null, case when college then 'own' else 'national' end, year_, c.language, rung_,
                   case by_ when 'month' then c.key end, case by_ when 'institution' then c.key end,
                   case by_ when 'province' then c.key end, case by_ when 'level' then c.key end,
                   case by_ when 'exam' then c.key end,
                   case when role_ = 'ocw' then masked(c.count) else c.count::text end, null::integer,
                   null::bigint, null, null::bigint, null::bigint, coalesce(at, newest)
            from progress_cells(role_, codes, year_, language_, rung_, by_, at) c
            where role_ <> 'ocw' or c.language in (select languages_told(year_, language_, rung_, by_, at))
            order by c.language, c.key;
        return;
    end if;
    if college then
        return query
            select null, null, 'own', year_, own.language, rung_, null, null, null, null, null, own.count::text,
                   null::integer, null::bigint, null, null::bigint, null::bigint, coalesce(at, newest)
            from progress_own(codes, year_, language_, rung_, at) own
            order by own.language;
    else
        nation_at := at;
    end if;
    if college and coalesce(as_of !~ '-', true) then
        day_ := day_ - 1;
    end if;
    return query
        select null, null, 'national', year_, nation.language, rung_, null, null, null, null, null, nation.count::text,
               target_at(year_, nation.language, rung_, at), outlook.pace, outlook.forecast, outlook.low, outlook.high,
               coalesce(nation_at, case when college then log_before(log_today()) else newest end)
        from progress_nation(year_, language_, rung_, nation_at, college) nation
        cross join lateral year_outlook(year_, nation.language, rung_, day_, nation.count,
                                        target_at(year_, nation.language, rung_, at)) outlook
        order by nation.language;
end
$$;

-- How good the forecast of a day is: for each of the ten years before its own the forecast on the same day of theirs, by what
-- was known then, and what the year had come to by that day. A year without a forecast is left out.
create function backtest(party_ text, role_ text, certificate_ bytea, language_ text, rung_ text, as_of text)
returns table (code text, field text, year integer, language text, rung text, forecast bigint, low bigint, high bigint,
               count bigint, held boolean, log bigint)
language plpgsql stable as $$
#variable_conflict use_column
declare
    at bigint;
    day_ date;
begin
    rung_ := coalesce(rung_, 'seated');
    select moment.code, moment.at into code, at from progress_moment(role_, as_of) moment;
    if code is not null then
        field := 'as-of';
        return next;
        return;
    end if;
    -- The last day that was over.
    day_ := case when as_of ~ '-' then as_of::date else log_day_of(at) - 1 end;
    return query
        select null, null, past.year, spoken.language, rung_, told.forecast::bigint, told.low, told.high, came.count,
               came.count between told.low and told.high, log_before(day_ + 1)
        from (select language_ as language where language_ is not null
              union select distinct c.language from cell c where language_ is null) spoken
        cross join generate_series(year_of(day_) - 10, year_of(day_) - 1) past (year)
        cross join lateral (select same_day(day_, year_of(day_), past.year) as day) then_
        cross join lateral year_outlook(past.year, spoken.language, rung_, then_.day,
                                        nation_opening(past.year, spoken.language, rung_, then_.day + 1), null) told
        cross join lateral (select nation_opening(past.year, spoken.language, rung_, day_ + 1) as count) came
        where told.low is not null
        order by spoken.language, past.year;
end
$$;

-- From the colleges that offer an elective in the school year that ends in the year, and the students they say follow it,
-- to the persons of the year on each rung: of a language that has anything all steps, also those at 0. Offers are statements: a college's own are told to it, all of them to others.
create function ladder(party_ text, role_ text, certificate_ bytea, year_ integer, language_ text)
returns table (code text, field text, scope text, year integer, language text, rung text, unit text, count bigint,
               log bigint)
language plpgsql stable as $$
#variable_conflict use_column
declare
    newest bigint := (select head.log from log_head head);
    college boolean := role_ = 'roc';
    codes text[] := case when role_ = 'roc' then acting_codes(party_) end;
    scope_ text := case when college then 'own' else 'national' end;   -- of the statements, and of what is true now
begin
    year_ := coalesce(year_, year_of(log_today()));
    return query
        with said as materialized (
            select scope_ as scope, e.language, count(distinct o.institution) as colleges, coalesce(sum(o.students), 0)::bigint as students
            from offer o join elective e on e.code = o.elective
            where o.schoolyear = year_ - 1 and o.state = 'offered' and (not college or o.institution = any (codes))
              and (language_ is null or e.language = language_)
            group by e.language
        ), rung as (
            select * from unnest(array['registered', 'seated', 'sat', 'passed', 'certified']) with ordinality rung (rung, place)
        ), counted as materialized (
            select 'own' as scope, own.language, rung.rung, own.count::bigint as count
            from rung, lateral progress_own(codes, year_, language_, rung.rung, null) own
            where college
            union all
            select 'national', nation.language, rung.rung, nation.count::bigint
            from rung, lateral progress_nation(year_, language_, rung.rung, null, college) nation
        ), spoken as (
            select scope, language from counted union select scope, language from said
        ), step as (
            select spoken.scope, spoken.language, told.rung, told.unit, told.count, told.place, newest as log
            from spoken left join said using (scope, language),
                 lateral (values ('offered', 'colleges', coalesce(colleges, 0), 1),
                                 ('enrolled', 'students', coalesce(students, 0), 2)) told (rung, unit, count, place)
            where spoken.scope = scope_
            union all
            select spoken.scope, spoken.language, rung.rung, 'persons', coalesce(counted.count, 0), 2 + rung.place,
                   case when spoken.scope = scope_ then newest else log_before(log_today()) end
            from spoken cross join rung left join counted using (scope, language, rung)
        )
        select null, null, step.scope, year_, step.language, step.rung, step.unit, step.count, step.log
        from step
        order by step.language, step.scope desc, step.place;
end
$$;

-- The colleges with a registration that lives for a session of a language in a school year.
create function colleges_registered(language_ text, schoolyear_ integer) returns setof text language sql stable as $$
    select distinct c.institution
    from cell c
    where c.year in (schoolyear_, schoolyear_ + 1) and c.language = language_ and c.own_registered > 0
      and c.month between make_date(schoolyear_, 8, 1) and make_date(schoolyear_ + 1, 7, 1)
$$;

-- The languages whose cells by institution the ministry may not be told, of who is registered in one of these years.
create function languages_hidden(years integer[]) returns text[] language sql stable as $$
    select coalesce(array_agg(distinct hidden.language), '{}')
    from unnest(years) counted (year),
         lateral (select c.language from cell c where c.year = counted.year and c.registered > 0
                  except
                  select languages_told(counted.year, null, 'registered', 'institution', null)) hidden
$$;

-- The Dutch colleges that were there in the school year and have not offered an elective in it, or have nobody registered
-- for a session in it. A college learns whether it is one, the exam office nothing. Who the others are that have few, of a
-- language whose cells are hidden, would tell the ministry those cells: to it they look the same.
create function missing(party_ text, role_ text, certificate_ bytea, what_ text, schoolyear_ integer, language_ text)
returns table (code text, field text, institution text, name text, province text, log bigint)
language plpgsql stable as $$
#variable_conflict use_column
declare
    newest bigint := (select head.log from log_head head);
    codes text[] := case role_ when 'roc' then acting_codes(party_) when 'exams' then '{}' end;
    hidden text[] := case when role_ = 'ocw' then languages_hidden(array[schoolyear_, schoolyear_ + 1]) else '{}' end;
    first date := make_date(schoolyear_, 8, 1);
    last date := make_date(schoolyear_ + 1, 7, 31);
begin
    return query
        select null, null, i.code, i.name, i.province, newest
        from institution i
        where i.kind = 'college' and i.country = 'NL' and coalesce(i."from" <= last, true) and coalesce(i.until >= first, true)
          and (codes is null or i.code = any (codes))
          and not case what_
              when 'offer' then exists (
                  select from offer o join elective e on e.code = o.elective
                  where o.institution = i.code and o.schoolyear = schoolyear_ and o.state = 'offered'
                    and (language_ is null or e.language = language_))
              else exists (
                  select from contingent c join session s on s.session = c.session join exam x on x.exam = s.exam
                  cross join lateral (
                      select from registration r
                      where r.session = c.session and r.college = c.college and r.state in ('seated', 'waiting')
                      limit 5) r
                  where c.college = i.code and s.date between first and last and (language_ is null or x.language = language_)
                  group by x.language
                  having x.language <> all (hidden) or count(*) >= 5) end
        order by i.code;
end
$$;
