-- Counting persons, on the hot road: what each write changes. The rule: a person counts once a year, language and rung,
-- in the cell of the live registration on that rung that was entered first; once more, by the same rule, among the
-- registrations of each college alone (own_*). progress.sql reads what this file writes, reconcile.sql proves it.

-- The rungs of a registration, as bits: 1 registered 2 seated 4 sat 8 passed 16 certified; each implies those before
-- it.
create function registration_rungs(state text, reached smallint) returns integer language sql immutable as $$
    select case when state = 'waiting' then 1
                when state <> 'seated' then 0
                when reached = 5 then 31
                when reached = 4 then 15
                when reached = 3 then 7
                else 3 end
$$;

-- 1 when `rungs` has that rung now and had not before, -1 for the other way round.
create function rung_change(rungs integer, before integer, rung integer) returns integer language sql immutable as $$
    select ((rungs & rung) <> 0)::integer - ((before & rung) <> 0)::integer
$$;

-- Makes the cells that registrations of these persons count in, and the nation's sums, where they are not there yet.
-- Called by recount() alone, with its settings.
create function cells_make(persons_ bigint[]) returns void language plpgsql as $$
begin
    insert into cell (cell, year, language, institution, province, level, exam, month)
    select (select coalesce(max(cell), 0) from cell) + row_number() over (), fresh.*
    from (
        select distinct extract(year from session.date)::integer as year, exam.language, place.college,
               coalesce(institution.province, '') as province, exam.level, exam.exam,
               date_trunc('month', session.date)::date as month
        from (
            select distinct registration.session, registration.college
            from unnest(persons_) changed (person)
            cross join lateral (select * from registration where person = changed.person offset 0) registration
            where registration_rungs(registration.state, registration.reached) > 0
        ) place
        join session on session.session = place.session
        join exam on exam.exam = session.exam
        join institution on institution.code = place.college
    ) fresh
    where not exists (
        select from cell
        where (cell.institution, cell.exam, cell.month, cell.year, cell.language, cell.level, cell.province)
            = (fresh.college, fresh.exam, fresh.month, fresh.year, fresh.language, fresh.level, fresh.province));
    if found then
        insert into total (year, language, registered, seated, sat, passed, certified, day,
                           before_registered, before_seated, before_sat, before_passed, before_certified)
        select distinct year, language, 0, 0, 0, 0, 0, date '-infinity', 0, 0, 0, 0, 0 from cell
        on conflict do nothing;
    end if;
end
$$;

-- Writes what has changed of where persons count, each pair of a person and a cell once: their rungs before and after,
-- in all and among their college's own, under the numbers of the log beside them. What changes in a cell under a number is
-- one row of the tally; the cell's sums and the nation's follow.
create function count_change(logs_ bigint[], persons_ bigint[], cells_ integer[], before_ integer[],
                             own_before_ integer[], rungs_ integer[], own_rungs_ integer[])
returns void language plpgsql as $$
declare
    today date := log_today();
begin
    -- Who counts in a cell has a row; one at a time, so that each is found by its key, whatever the planner believes.
    for i in 1 .. cardinality(persons_) loop
        if own_rungs_[i] = 0 then
            delete from counted where person = persons_[i] and cell = cells_[i];
        elsif own_before_[i] <> 0 then
            update counted set rungs = rungs_[i], own_rungs = own_rungs_[i]
            where person = persons_[i] and cell = cells_[i];
        end if;
    end loop;
    with change as materialized (
        select * from unnest(logs_, persons_, cells_, before_, own_before_, rungs_, own_rungs_)
                      change (log, person, cell, before, own_before, rungs, own_rungs)
    ), added as (
        insert into counted (person, cell, rungs, own_rungs)
        select person, cell, rungs, own_rungs from change where own_before = 0
    ), told as (
        insert into tally
        select log, cell,
               sum(rung_change(rungs, before, 1)), sum(rung_change(rungs, before, 2)),
               sum(rung_change(rungs, before, 4)), sum(rung_change(rungs, before, 8)),
               sum(rung_change(rungs, before, 16)),
               sum(rung_change(own_rungs, own_before, 1)), sum(rung_change(own_rungs, own_before, 2)),
               sum(rung_change(own_rungs, own_before, 4)), sum(rung_change(own_rungs, own_before, 8)),
               sum(rung_change(own_rungs, own_before, 16))
        from change
        group by log, cell
        returning tally.*
    ), summed as (
        select cell, sum(registered) as registered, sum(seated) as seated, sum(sat) as sat, sum(passed) as passed,
               sum(certified) as certified, sum(own_registered) as own_registered, sum(own_seated) as own_seated,
               sum(own_sat) as own_sat, sum(own_passed) as own_passed, sum(own_certified) as own_certified
        from told
        group by cell
    ), moved as (
        update cell
        set registered = cell.registered + summed.registered, seated = cell.seated + summed.seated,
            sat = cell.sat + summed.sat, passed = cell.passed + summed.passed,
            certified = cell.certified + summed.certified,
            own_registered = cell.own_registered + summed.own_registered,
            own_seated = cell.own_seated + summed.own_seated, own_sat = cell.own_sat + summed.own_sat,
            own_passed = cell.own_passed + summed.own_passed, own_certified = cell.own_certified + summed.own_certified
        from summed
        where cell.cell = summed.cell
        returning cell.year, cell.language, summed.registered, summed.seated, summed.sat, summed.passed,
                  summed.certified
    ), nation as (
        select year, language, sum(registered) as registered, sum(seated) as seated, sum(sat) as sat,
               sum(passed) as passed,
               sum(certified) as certified
        from moved
        group by year, language
    )
    update total
    set registered = total.registered + nation.registered, seated = total.seated + nation.seated,
        sat = total.sat + nation.sat, passed = total.passed + nation.passed,
        certified = total.certified + nation.certified, day = today,
        before_registered = case when total.day < today then total.registered else before_registered end,
        before_seated = case when total.day < today then total.seated else before_seated end,
        before_sat = case when total.day < today then total.sat else before_sat end,
        before_passed = case when total.day < today then total.passed else before_passed end,
        before_certified = case when total.day < today then total.certified else before_certified end
    from nation
    where total.year = nation.year and total.language = nation.language;
end
$$;

-- Puts right what is stored for these persons, after their registrations changed under the numbers of the log beside
-- them: each person once. Set-based, always by index: it is on the hot road, and what the planner believes of fresh
-- tables must not make it quadratic.
-- `lateral ... offset 0` makes it a look-up a person: statistics taken while a table has a page say that a scan of all is as
-- cheap, and stay for a minute of growth.
create function recount(logs_ bigint[], persons_ bigint[]) returns void language plpgsql
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off set enable_mergejoin = off
as $$
#variable_conflict use_column
declare
    logs bigint[];
    persons bigint[];
    cells integer[];
    before integer[];
    own_before integer[];
    rungs integer[];
    own_rungs integer[];
begin
    perform cells_make(persons_);

    with changed as materialized (
        select changed.log, changed.person from unnest(logs_, persons_) changed (log, person)
    ), live as (
        select changed.log, changed.person, registration.college, registration.entered, session.exam, exam.language,
               exam.level, extract(year from session.date)::integer as year,
               date_trunc('month', session.date)::date as month,
               coalesce(institution.province, '') as province,
               registration_rungs(registration.state, registration.reached) as rungs
        from changed
        cross join lateral (select * from registration where person = changed.person offset 0) registration
        join session on session.session = registration.session
        join exam on exam.exam = session.exam
        join institution on institution.code = registration.college
        where registration_rungs(registration.state, registration.reached) > 0
    ), claimed as (
        -- What those entered before it have not claimed already: in all, and at its college.
        select log, person, year, language, college, province, level, exam, month,
               rungs & ~coalesce(bit_or(rungs) over (partition by person, year, language order by entered
                                                     rows between unbounded preceding and 1 preceding), 0) as rungs,
               rungs & ~coalesce(bit_or(rungs) over (partition by person, year, language, college order by entered
                                                     rows between unbounded preceding and 1 preceding), 0) as own_rungs
        from live
    ), compared as (
        select log, person, cell.cell, rungs, own_rungs, 0 as old_rungs, 0 as old_own_rungs
        from claimed
        join cell on (cell.institution, cell.exam, cell.month, cell.year, cell.language, cell.level, cell.province)
                   = (college, claimed.exam, claimed.month, claimed.year, claimed.language, claimed.level,
                      claimed.province)
        union all
        select changed.log, changed.person, counted.cell, 0, 0, counted.rungs, counted.own_rungs
        from changed cross join lateral (select * from counted where person = changed.person offset 0) counted
    ), difference as (
        select log, person, cell, bit_or(rungs) as rungs, bit_or(own_rungs) as own_rungs,
               bit_or(old_rungs) as old_rungs, bit_or(old_own_rungs) as old_own_rungs
        from compared
        group by log, person, cell
        having bit_or(rungs) <> bit_or(old_rungs) or bit_or(own_rungs) <> bit_or(old_own_rungs)
    )
    select array_agg(log), array_agg(person), array_agg(cell), array_agg(old_rungs), array_agg(old_own_rungs),
           array_agg(rungs), array_agg(own_rungs)
    into logs, persons, cells, before, own_before, rungs, own_rungs
    from difference;
    if logs is not null then
        perform count_change(logs, persons, cells, before, own_before, rungs, own_rungs);
    end if;
end
$$;

-- The cell that registrations of a college in a session count in; no row while it is not made.
create function cell_of(session_ text, college_ text) returns table (cell integer) language sql stable as $$
    select cell.cell
    from session
    join exam on exam.exam = session.exam
    join institution on institution.code = college_
    join cell on (cell.institution, cell.exam, cell.month, cell.year, cell.language, cell.level, cell.province)
               = (college_, exam.exam, date_trunc('month', session.date)::date, extract(year from session.date)::integer,
                  exam.language, exam.level, coalesce(institution.province, ''))
    where session.session = session_
$$;

-- What recount() comes to for persons who are new, each with the registration by which it came, in that session and at
-- that college, and with no other: it counts where that one does. Each person is the number it came under.
create function recount_newcomers(logs_ bigint[], sessions_ text[], colleges_ text[], rungs_ integer[])
returns void language plpgsql as $$
#variable_conflict use_column
declare
    logs bigint[];
    cells integer[];
    rungs integer[];
    none integer[] := array_fill(0, array[cardinality(logs_)]);
begin
    select array_agg(newcomer.log), array_agg(found.cell), array_agg(newcomer.rungs)
    into logs, cells, rungs
    from (select session, college, array_agg(log) as logs, array_agg(newcomer.rungs) as rungs
          from unnest(logs_, sessions_, colleges_, rungs_) newcomer (log, session, college, rungs)
          group by session, college) place,
         lateral (select cell from cell_of(place.session, place.college) offset 0) found, -- by index, place by place
         lateral unnest(place.logs, place.rungs) newcomer (log, rungs);
    if cardinality(logs) = cardinality(logs_) then
        perform count_change(logs, logs, cells, none, none, rungs, rungs);
    else
        perform recount(logs_, logs_); -- makes the cells
    end if;
end
$$;

-- For all persons of a college, when where it counts has changed.
create function recount_institution(code_ text) returns void language plpgsql as $$
declare
    persons_ bigint[] := array(select distinct counted.person from counted join cell using (cell)
                               where cell.institution = code_);
begin
    perform recount(array_fill(running_log(), array[cardinality(persons_)]), persons_);
end
$$;
