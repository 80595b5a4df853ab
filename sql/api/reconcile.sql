-- The proof of the counts: everything that is stored about them against the registrations themselves.

-- Where the definition puts each registration, by the number under which it entered, straight from the registrations and one
-- rung at a time: on which sums of which cell (NULL: one that is not there). What is on none has no row.
create function counted_by_definition() returns table (entered bigint, cell integer, counted integer)
language sql stable as $$
    with place as materialized (
        select contingent.session, contingent.college, exam.language, extract(year from session.date)::integer as year,
               cell.cell
        from contingent
        join session using (session)
        join exam using (exam)
        join institution on institution.code = contingent.college
        left join cell on cell.institution = contingent.college and cell.exam = exam.exam
            and cell.month = date_trunc('month', session.date)::date and cell.year = extract(year from session.date)::integer
            and cell.language = exam.language and cell.level = exam.level
            and cell.province = coalesce(institution.province, '')
    ), live as materialized (
        select registration.entered, registration.person, registration.college, place.year, place.language, rung, place.cell
        from registration
        join place using (session, college)
        cross join unnest(array[1, 2, 4, 8, 16]) rung
        where registration.state = 'seated' and (rung <= 2
              or registration.reached >= case rung when 4 then 3 when 8 then 4 else 5 end)
           or registration.state = 'waiting' and rung = 1
    ), nation as (
        select distinct on (person, year, language, rung) * from live
        order by person, year, language, rung, entered
    ), own as (
        select distinct on (person, year, language, college, rung) * from live
        order by person, year, language, college, rung, entered
    )
    select entered, cell, sum(bit)::integer
    from (select nation.*, rung as bit from nation union all select own.*, rung << 5 from own) one
    group by entered, cell
$$;

-- What each registration of which anything came has reached, straight from what is stored of it, all at once.
create function reached_by_definition() returns table (entered bigint, reached integer) language sql stable as $$
    with scored as (
        select r.entered, r.person, held.date, exam.exam, exam.combine, exam.total
        from registration r join session held using (session) join exam using (exam)
        where r.entered in (select entered from score)
    ), attempt as (
        select entered, entered as told from scored
        union all
        select scored.entered, earlier.entered
        from scored
        join registration earlier using (person)
        join session s on s.session = earlier.session and s.exam = scored.exam
        where scored.combine and (s.date, earlier.entered) < (scored.date, scored.entered)
    ), best as (
        select attempt.entered, score.part, max(score.points) as points, bool_or(score.entered = attempt.entered) as own
        from attempt join score on score.entered = attempt.told and score.final
        group by attempt.entered, score.part
    ), passed as (
        select scored.entered
        from scored join exam_part part using (exam)
        left join best on best.entered = scored.entered and best.part = part.part
        group by scored.entered
        having bool_and(coalesce(best.points >= part.pass, false)) and bool_or(best.own)
            and sum(best.points) >= coalesce(min(scored.total), 0)
    )
    select entered, max(reached)
    from (select entered, 5 as reached from certified
          union all select entered, 4 from passed
          union all select entered, 3 from scored
          union all select entered, case status when 'present' then 3 else 1 end from attendance) one
    group by entered
$$;

-- Compares everything stored about counts, and the seats of sessions, with what the registrations say. A row a difference:
-- none when all is right. For operators and tests; it reads everything, once: what the planner believes of the sizes (or of
-- tables without statistics) must not make it compare each row with each.
create function reconcile() returns table (what text, key text, stored text, computed text) language sql stable
set enable_nestloop = off set jit = off set work_mem = '128MB'
as $$
    with right_ as materialized (select * from counted_by_definition()),
    right_cell as materialized (
        select cell, count(*) filter (where counted & 1 <> 0) as registered,
               count(*) filter (where counted & 2 <> 0) as seated, count(*) filter (where counted & 4 <> 0) as sat,
               count(*) filter (where counted & 8 <> 0) as passed,
               count(*) filter (where counted & 16 <> 0) as certified,
               count(*) filter (where counted & 32 <> 0) as own_registered,
               count(*) filter (where counted & 64 <> 0) as own_seated,
               count(*) filter (where counted & 128 <> 0) as own_sat,
               count(*) filter (where counted & 256 <> 0) as own_passed,
               count(*) filter (where counted & 512 <> 0) as own_certified
        from right_ group by cell),
    told as materialized (
        select cell, coalesce(sum(step * cardinality(logs)) filter (where sums & 1 <> 0), 0) as registered,
               coalesce(sum(step * cardinality(logs)) filter (where sums & 2 <> 0), 0) as seated,
               coalesce(sum(step * cardinality(logs)) filter (where sums & 4 <> 0), 0) as sat,
               coalesce(sum(step * cardinality(logs)) filter (where sums & 8 <> 0), 0) as passed,
               coalesce(sum(step * cardinality(logs)) filter (where sums & 16 <> 0), 0) as certified,
               coalesce(sum(step * cardinality(logs)) filter (where sums & 32 <> 0), 0) as own_registered,
               coalesce(sum(step * cardinality(logs)) filter (where sums & 64 <> 0), 0) as own_seated,
               coalesce(sum(step * cardinality(logs)) filter (where sums & 128 <> 0), 0) as own_sat,
               coalesce(sum(step * cardinality(logs)) filter (where sums & 256 <> 0), 0) as own_passed,
               coalesce(sum(step * cardinality(logs)) filter (where sums & 512 <> 0), 0) as own_certified
        from tally group by cell),
    border as materialized (
        select day, log_before(day) as upto, row_number() over (order by day) as place
        from (select distinct day from day_opening) opened),
    -- What was told between one of these days and the next: `place` is that of the first day that opens with it.
    change as materialized (
        select year, language, width_bucket(log - 1, (select array_agg(upto order by day) from border)) + 1 as place,
               sum(step) filter (where sums & 1 <> 0) as registered, sum(step) filter (where sums & 2 <> 0) as seated,
               sum(step) filter (where sums & 4 <> 0) as sat, sum(step) filter (where sums & 8 <> 0) as passed,
               sum(step) filter (where sums & 16 <> 0) as certified
        from tally join cell using (cell), unnest(logs) log
        group by 1, 2, 3),
    opening as materialized (
        select day, year, language, coalesce(sum(registered) over before, 0) as registered,
               coalesce(sum(seated) over before, 0) as seated, coalesce(sum(sat) over before, 0) as sat,
               coalesce(sum(passed) over before, 0) as passed, coalesce(sum(certified) over before, 0) as certified
        from border cross join (select distinct year, language from cell) kind left join change using (place, year, language)
        window before as (partition by year, language order by place))
    select 'counted', concat_ws(' ', session, college, entered, again), concat_ws(' ', contingent.cell, stored.counted),
           concat_ws(' ', coalesce(right_.cell, contingent.cell), coalesce(right_.counted, 0))
    from registration stored
    join contingent using (session, college)
    left join right_ using (entered)
    where stored.counted <> coalesce(right_.counted, 0)
       or stored.counted <> 0 and contingent.cell is distinct from right_.cell
    union all
    select 'cell', cell::text, stored.figures, coalesce(computed.figures, '(0,0,0,0,0,0,0,0,0,0)')
    from (select cell, row(registered, seated, sat, passed, certified, own_registered, own_seated, own_sat, own_passed,
                           own_certified)::text as figures from cell) stored
    full join (select cell, row(registered, seated, sat, passed, certified, own_registered, own_seated, own_sat,
                                own_passed,
                                own_certified)::text as figures from right_cell) computed using (cell)
    where stored.figures is distinct from coalesce(computed.figures, '(0,0,0,0,0,0,0,0,0,0)')
    union all
    select 'tally', cell::text, coalesce(stored.figures, '(0,0,0,0,0,0,0,0,0,0)'), computed.figures
    from (select cell, row(registered, seated, sat, passed, certified, own_registered, own_seated, own_sat, own_passed,
                           own_certified)::text as figures from told) stored
    full join (select cell, row(registered, seated, sat, passed, certified, own_registered, own_seated, own_sat,
                                own_passed,
                                own_certified)::text as figures from cell) computed using (cell)
    where coalesce(stored.figures, '(0,0,0,0,0,0,0,0,0,0)') is distinct from computed.figures
    union all
    select 'opening of a day', concat_ws(' ', day, year, language),
           row(stored.registered, stored.seated, stored.sat, stored.passed, stored.certified)::text,
           row(opening.registered, opening.seated, opening.sat, opening.passed, opening.certified)::text
    from day_opening stored left join opening using (day, year, language)
    where row(stored.registered, stored.seated, stored.sat, stored.passed, stored.certified)
          is distinct from row(opening.registered, opening.seated, opening.sat, opening.passed, opening.certified)
    union all
    select 'reached', concat_ws(' ', session, college, entered, again), stored.reached::text, coalesce(computed.reached, 0)::text
    from registration stored left join reached_by_definition() computed using (entered)
    where stored.reached <> coalesce(computed.reached, 0)
    union all
    select 'notice', session, stored.notice::text, coalesce(exam.notice, 28)::text
    from session stored join exam using (exam)
    where stored.date >= log_today() and stored.notice <> coalesce(exam.notice, 28)
    union all
    select 'seats', session, concat_ws(' ', stored.taken, stored.waiting),
           concat_ws(' ', count(registration) filter (where registration.state = 'seated'),
                                                  count(registration) filter (where registration.state = 'waiting'))
    from session stored left join registration using (session)
    group by session, stored.taken, stored.waiting
    having stored.taken <> count(registration) filter (where registration.state = 'seated')
        or stored.waiting <> count(registration) filter (where registration.state = 'waiting')
$$;

-- Compares what stands beside the log's rows, its end and the ends of its days, with the rows. That those are right themselves
-- their heads prove, to whoever recomputes them.
create function reconcile_log() returns table (what text, key text, stored text, computed text) language sql stable as $$
    select 'end of the log', stored.log::text, row(stored.log, stored.head, stored.time, stored.day)::text,
           row(newest.log, newest.head, newest.time, (newest.time at time zone 'Europe/Amsterdam')::date)::text
    from log_head stored left join (select * from audit left join head using (log) order by log desc limit 1) newest on true
    where stored.log > 0 and row(stored.log, stored.head, stored.time, stored.day)
        is distinct from row(newest.log, newest.head, newest.time, (newest.time at time zone 'Europe/Amsterdam')::date)
    union all
    select 'end of a day', coalesce(stored.day, computed.day)::text, stored.log::text, computed.log::text
    from log_day stored
    full join (select (time at time zone 'Europe/Amsterdam')::date as day, max(log) as log from audit group by 1) computed
        using (day)
    where stored.log is distinct from computed.log
      and coalesce(stored.day, computed.day) is distinct from (select day from log_head)
$$;
