-- Counting persons, on the hot road: what each write changes. The rule: a person counts once a year, language and rung,
-- in the cell of the live registration on that rung that was entered first; once more, by the same rule, among the
-- registrations of each college alone (own_*). progress.sql reads what this file writes, reconcile.sql proves it.
--
-- Where a registration counts is its contingent's: the registrations of one college for one session share a cell. On
-- which of the cell's ten sums it is, `registration.counted` tells, a bit each, in the order of the cell's columns.

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

-- The cell that registrations of a college for a session belong in; made where it is not there.
create function cell_made(session_ text, college_ text) returns integer language plpgsql as $$
declare
    wanted cell;
    found_ integer;
begin
    select extract(year from session.date), exam.language, college_, coalesce(institution.province, ''), exam.level,
           exam.exam, date_trunc('month', session.date)
    into wanted.year, wanted.language, wanted.institution, wanted.province, wanted.level, wanted.exam, wanted.month
    from session join exam on exam.exam = session.exam join institution on institution.code = college_
    where session.session = session_;
    select cell into found_ from cell
    where (institution, exam, month, year, language, level, province)
        = (college_, wanted.exam, wanted.month, wanted.year, wanted.language, wanted.level, wanted.province);
    if found_ is null then
        insert into cell (cell, year, language, institution, province, level, exam, month)
        select coalesce(max(cell), 0) + 1, wanted.year, wanted.language, college_, wanted.province, wanted.level,
               wanted.exam, wanted.month
        from cell
        returning cell into found_;
    end if;
    return found_;
end
$$;

-- After the date of a session has changed, or the province of a college: takes the contingents whose registrations belong
-- in another cell now, and all that they count, there. The year of a session with registrations stays, and the language
-- of its exam: so nobody's first registration becomes another.
create function contingents_move(session_ text, college_ text, log_ bigint) returns void language plpgsql
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
    place contingent;
    cell_ integer;
begin
    for place in select * from contingent where session = session_ or college = college_ loop
        cell_ := cell_made(place.session, place.college);
        continue when cell_ = place.cell;
        update contingent set cell = cell_ where session = place.session and college = place.college;
        perform count_change(array_agg(log_), array_agg(change.cell), array_agg(r.counted), array_agg(change.step))
        from registration r, (values (cell_, 1), (place.cell, -1)) change (cell, step)
        where r.session = place.session and r.college = place.college and r.counted <> 0;
    end loop;
end
$$;

-- Writes that registrations, under these numbers of the log, came onto sums of these cells (step 1) or went off them (-1). It
-- is told to the tally, and the cells' sums follow; before the first change of a day, the nation's are kept as they are.
-- Does nothing with nothing (NULL).
create function count_change(logs_ bigint[], cells_ integer[], sums_ smallint[], steps_ integer[])
returns void language plpgsql
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off set enable_mergejoin = off
as $$
declare
    today date := log_today();
begin
    if not exists (select from day_opening where day = today) then
        insert into day_opening (day, year, language, registered, seated, sat, passed, certified)
        select today, year, language, sum(registered), sum(seated), sum(sat), sum(passed), sum(certified)
        from cell
        group by year, language;
    end if;
    with told as (
        insert into tally (cell, sums, step, logs)
        select cell, sums, step, array_agg(log order by log)
        from unnest(logs_, cells_, sums_, steps_) change (log, cell, sums, step)
        where sums <> 0
        group by cell, sums, step
        returning cell, sums, step * cardinality(logs) as change
    ), summed as (
        select cell, sum(change) filter (where sums & 1 <> 0) as registered,
               sum(change) filter (where sums & 2 <> 0) as seated, sum(change) filter (where sums & 4 <> 0) as sat,
               sum(change) filter (where sums & 8 <> 0) as passed,
               sum(change) filter (where sums & 16 <> 0) as certified,
               sum(change) filter (where sums & 32 <> 0) as own_registered,
               sum(change) filter (where sums & 64 <> 0) as own_seated,
               sum(change) filter (where sums & 128 <> 0) as own_sat,
               sum(change) filter (where sums & 256 <> 0) as own_passed,
               sum(change) filter (where sums & 512 <> 0) as own_certified
        from told
        group by cell
    )
    update cell
    set registered = cell.registered + coalesce(summed.registered, 0),
        seated = cell.seated + coalesce(summed.seated, 0), sat = cell.sat + coalesce(summed.sat, 0),
        passed = cell.passed + coalesce(summed.passed, 0),
        certified = cell.certified + coalesce(summed.certified, 0),
        own_registered = cell.own_registered + coalesce(summed.own_registered, 0),
        own_seated = cell.own_seated + coalesce(summed.own_seated, 0),
        own_sat = cell.own_sat + coalesce(summed.own_sat, 0),
        own_passed = cell.own_passed + coalesce(summed.own_passed, 0),
        own_certified = cell.own_certified + coalesce(summed.own_certified, 0)
    from summed
    where cell.cell = any (array[summed.cell]);
end
$$;

-- Puts right what is stored for these persons, after their registrations changed under the numbers of the log beside
-- them: each person once. Set-based, always by index: what the planner believes of fresh tables must not make it
-- quadratic.
-- `lateral ... offset 0` makes it a look-up a person: statistics taken while a table has a page say that a scan of all is as
-- cheap, and stay for a minute of growth. So does `= any (array[...])` for what is updated: a scan of the whole index, in its
-- order, is thought of only for a plain `=`.
create function recount(logs_ bigint[], persons_ bigint[]) returns void language plpgsql
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off set enable_mergejoin = off
set enable_hashjoin = off set enable_material = off
as $$
declare
    logs bigint[];
    cells integer[];
    sums smallint[];
    steps integer[];
begin
    with held as (
        select changed.log, registration.*, contingent.cell, cell.year, cell.language,
               registration_rungs(registration.state, registration.reached) as rungs
        from unnest(logs_, persons_) changed (log, person)
        cross join lateral (
            select session, college, student_hash, again, person, state, reached, entered, counted from registration
            where person = changed.person offset 0) registration
        join contingent on contingent.session = registration.session and contingent.college = registration.college
        join cell on cell.cell = contingent.cell
    ), claimed as (
        -- What those entered before it have not claimed already: in all, and at its college.
        select *, (rungs & ~coalesce(bit_or(rungs) over (partition by person, year, language order by entered
                                                         rows between unbounded preceding and 1 preceding), 0))
                  | ((rungs & ~coalesce(bit_or(rungs) over (partition by person, year, language, college order by entered
                                                            rows between unbounded preceding and 1 preceding), 0))
                     << 5) as counts
        from held
    ), difference as materialized (
        select * from claimed where counts <> counted
    ), stored as (
        update registration r set counted = difference.counts
        from difference
        where r.entered = any (array[difference.entered])
    )
    select array_agg(log), array_agg(cell), array_agg(change.sums), array_agg(change.step)
    into logs, cells, sums, steps
    from difference, lateral (values (counts & ~counted, 1), (counted & ~counts, -1)) change (sums, step);
    perform count_change(logs, cells, sums, steps);
end
$$;
