-- How long personal data stays: `months` after a student's last exam, when that was said; without, for ever. What is over
-- goes by itself, in small steps, each a write of the registry (chores.sql).
--
-- A student number goes as a whole, when the last of the days of all sessions that it was ever registered for lies so far
-- back, whatever became of the registrations: a withdrawn one and one for a cancelled session count like one that was sat. So
-- the sessions lead to it: each is gone through once its day is over for so long, and marked as cleared under the number
-- that last changed it. A number that stays has a later session, and waits for that one; so no later look is needed.

-- The last day of an exam whose data goes today: that day and so many months are over.
create function retention_until(months_ integer) returns date language sql stable as $$
    select case when day + make_interval(months => months_) < log_today() then day else day - 1 end
    from (select (log_today() - make_interval(months => months_))::date as day) back
$$;

-- Whether a student number has no session behind that day.
create function retention_over(college_ text, hash_ bytea, until_ date) returns boolean language plpgsql stable as $$
begin
    return not exists (
        select from registration r join session s on s.session = r.session
        where r.college = college_ and r.student_hash = hash_ and s.date > until_);
end
$$;

-- What goes with that day. Writers wait meanwhile, and it may be all there is: so in one pass, with no look for each student,
-- nor a sort of them all. Measured: 3 s where 1,000,000 registrations go, 0.3 s where 20,000 of them do.
create function retention_due(until_ date) returns table (students integer, registrations integer)
language plpgsql stable rows 1 set enable_sort = off set work_mem = '128MB' as $$
begin
    return query
        with held as materialized (
            select distinct r.college, r.student_hash
            from session s join registration r on r.session = s.session
            where s.date <= until_ and s.cleared is distinct from s.log and r.name is not null
        ), gone as (
            select count(*) as registrations
            from held
            join registration r on r.college = held.college and r.student_hash = held.student_hash
            join session s on s.session = r.session
            group by r.college, r.student_hash
            having max(s.date) <= until_
        )
        select count(*)::integer, coalesce(sum(gone.registrations), 0)::integer
        from gone;
end
$$;

-- Sets it, `months=-` takes it back, without `months` it is told. Sessions behind the new day are to be looked at again.
create function retention(party_ text, role_ text, certificate_ bytea, months_ integer, seen_ bigint)
returns table (code text, field text, months integer, until date, students integer, registrations integer,
               repeated boolean, amended boolean, last bigint)
language plpgsql
set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
declare
    stored retention;
begin
    select * into stored from retention;
    months := or_stored(months_, stored.months);
    until := retention_until(months);
    if months is not distinct from stored.months then
        repeated := true;
    elsif stored.log > seen_ then
        code := 'changed';
        last := stored.log;
    else
        insert into retention (months, log) values (months, running_log())
        on conflict (one) do update set months = excluded.months, log = excluded.log, done = null, session = null,
                                        entered = null;
        update session set cleared = null where cleared is not null and date > coalesce(until, '-infinity');
        amended := nullif(stored.log is not null, false);
    end if;
    if code is null then
        select due.students, due.registrations into students, registrations from retention_due(until) due;
    else
        months := null;
        until := null;
    end if;
    return next;
end
$$;

-- Whether there is something to look at: once a day, and after it was set.
create function retention_pending() returns boolean language plpgsql stable as $$
begin
    return exists (select from retention where months is not null and coalesce(done < retention_until(months), true));
end
$$;

-- The chore: looks at `most` registrations or a few less, in the sessions that are over, oldest first, and erases whose
-- time has come. Returns what went, NULL when that was nothing.
create function retention_step(most integer) returns text language plpgsql
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
    at_ retention;
    until_ date;
    held record;
    session_cost constant integer := 10;    -- what is put down for a session, though it may have nothing
    left_ integer := most;
    behind_ bigint;
    looked integer;
    last_ bigint;
    colleges text[];
    hashes bytea[];
    students integer := 0;
    registrations integer := 0;
begin
    select * into at_ from retention;
    if not retention_pending() then
        return null;
    end if;
    until_ := retention_until(at_.months);
    for held in
        select s.session, s.log from session s
        where s.date <= until_ and s.cleared is distinct from s.log
        order by s.date, s.session
        limit 1 + most / session_cost
    loop
        exit when left_ <= 0;
        behind_ := case when at_.session = held.session then at_.entered else 0 end;
        with page as materialized (
            select entered, college, student_hash from registration r
            where r.session = held.session and r.name is not null and r.entered > behind_
            order by entered
            limit left_
        ), gone as materialized (
            select distinct college, student_hash from page where retention_over(college, student_hash, until_)
        )
        select (select count(*) from page), (select max(entered) from page),
               (select array_agg(college order by college, student_hash) from gone),
               (select array_agg(student_hash order by college, student_hash) from gone)
        into looked, last_, colleges, hashes;
        if colleges is not null then
            students := students + cardinality(colleges);
            registrations := registrations + students_erase(colleges, hashes, running_log());
        end if;
        if looked < left_ then
            update session set cleared = held.log where session = held.session;
        else
            update retention set session = held.session, entered = last_;
        end if;
        left_ := left_ - looked - session_cost;
    end loop;
    if left_ > 0 then
        update retention set done = until_, session = null, entered = null;
    end if;
    if students > 0 then
        return format('until=%s students=%s registrations=%s', until_, students, registrations);
    end if;
    return null;
end
$$;
