-- The proof of the counts: everything that is stored about them against the registrations themselves.

-- Where the definition puts each person, straight from the registrations and one rung at a time: what recount() has to
-- have stored.
create function counted_by_definition() returns table (person bigint, cell integer, rungs integer, own_rungs integer)
language sql stable as $$
    with live as (
        select registration.person, registration.college, registration.entered, exam.language, rung,
               extract(year from session.date) as year, cell.cell
        from registration
        join session using (session)
        join exam using (exam)
        join institution on institution.code = registration.college
        cross join unnest(array[1, 2, 4, 8, 16]) rung
        left join cell on cell.institution = registration.college and cell.exam = exam.exam
            and cell.month = date_trunc('month', session.date)::date and cell.year = extract(year from session.date)
            and cell.language = exam.language and cell.level = exam.level
            and cell.province = coalesce(institution.province, '')
        where registration.state = 'seated' and (rung <= 2
              or registration.reached >= case rung when 4 then 3 when 8 then 4 else 5 end)
           or registration.state = 'waiting' and rung = 1
    ), nation as (
        select distinct on (person, year, language, rung) person, cell, rung from live
        order by person, year, language, rung, entered
    ), own as (
        select distinct on (person, year, language, college, rung) person, cell, rung from live
        order by person, year, language, college, rung, entered
    )
    select person, cell, coalesce(sum(rung) filter (where not is_own), 0)::integer,
           coalesce(sum(rung) filter (where is_own), 0)::integer
    from (select false as is_own, nation.* from nation union all select true, own.* from own) one
    group by person, cell
$$;

-- Compares everything stored about counts, and the seats of sessions, with what the registrations say. A row a difference:
-- none when all is right. For operators and tests; it reads everything.
create function reconcile() returns table (what text, key text, stored text, computed text) language sql stable as $$
    with right_ as materialized (select * from counted_by_definition()),
    right_cell as materialized (
        select cell, count(*) filter (where rungs & 1 <> 0) as registered,
               count(*) filter (where rungs & 2 <> 0) as seated,
               count(*) filter (where rungs & 4 <> 0) as sat, count(*) filter (where rungs & 8 <> 0) as passed,
               count(*) filter (where rungs & 16 <> 0) as certified,
               count(*) filter (where own_rungs & 1 <> 0) as own_registered,
               count(*) filter (where own_rungs & 2 <> 0) as own_seated,
               count(*) filter (where own_rungs & 4 <> 0) as own_sat,
               count(*) filter (where own_rungs & 8 <> 0) as own_passed,
               count(*) filter (where own_rungs & 16 <> 0) as own_certified
        from right_ group by cell),
    told as materialized (
        select cell, sum(registered) as registered, sum(seated) as seated, sum(sat) as sat, sum(passed) as passed,
               sum(certified) as certified, sum(own_registered) as own_registered, sum(own_seated) as own_seated,
               sum(own_sat) as own_sat, sum(own_passed) as own_passed, sum(own_certified) as own_certified
        from tally group by cell)
    select 'counted', concat_ws(' ', 'person', person, 'cell', cell), concat_ws(' ', stored.rungs, stored.own_rungs),
           concat_ws(' ', right_.rungs, right_.own_rungs)
    from counted stored full join right_ using (person, cell)
    where stored.rungs is distinct from right_.rungs or stored.own_rungs is distinct from right_.own_rungs
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
    select 'total', concat_ws(' ', year, language),
           row(t.registered, t.seated, t.sat, t.passed, t.certified)::text,
           row(sum(c.registered), sum(c.seated), sum(c.sat), sum(c.passed), sum(c.certified))::text
    from total t full join cell c using (year, language)
    group by t.registered, t.seated, t.sat, t.passed, t.certified, year, language
    having row(t.registered, t.seated, t.sat, t.passed, t.certified)
           is distinct from row(sum(c.registered), sum(c.seated), sum(c.sat), sum(c.passed), sum(c.certified))
    union all
    select 'total before its day', concat_ws(' ', t.year, t.language),
           row(t.before_registered, t.before_seated, t.before_sat, t.before_passed, t.before_certified)::text,
           row(before.registered, before.seated, before.sat, before.passed, before.certified)::text
    from total t,
         lateral (select coalesce(sum(registered), 0) as registered, coalesce(sum(seated), 0) as seated,
                         coalesce(sum(sat), 0) as sat, coalesce(sum(passed), 0) as passed,
                         coalesce(sum(certified), 0) as certified
                  from tally where log <= log_before(t.day)
                  and cell in (select cell.cell from cell where cell.year = t.year and cell.language = t.language)) before
    where row(t.before_registered, t.before_seated, t.before_sat, t.before_passed, t.before_certified)
          is distinct from row(before.registered, before.seated, before.sat, before.passed, before.certified)
    union all
    select 'seats', session, concat_ws(' ', stored.taken, stored.waiting),
           concat_ws(' ', count(registration) filter (where registration.state = 'seated'),
                                                  count(registration) filter (where registration.state = 'waiting'))
    from session stored left join registration using (session)
    group by session, stored.taken, stored.waiting
    having stored.taken <> count(registration) filter (where registration.state = 'seated')
        or stored.waiting <> count(registration) filter (where registration.state = 'waiting')
$$;
