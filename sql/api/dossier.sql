-- All that is held on one student, for that student (GDPR art. 15): of one number, at every code that the college acts for.
--
-- A row is of a `kind`: `student` the look-ups, `registration`, what came of it by `part`, scores before they were
-- `revised`, `certificate`, what the college was told in its inbox by `notice`, and `log`: the writes that made these rows or changed them last, which the rows name by their
-- numbers. Earlier changes of the same rows are in the log too, where a student is no more than a hash of the sealed number;
-- to find them takes all of the log. What others hold on the same person is for them to tell. Of a write of
-- theirs that passed a seat on, or showed by an ECK iD that two are one, is told when it was, not what or whose.
create function dossier(party_ text, role_ text, certificate_ bytea, student_ bytea)
returns table (code text, field text, kind text, student bytea, institution text, eckid bytea, until date, session text,
               exam text, date date, name bytea, born bytea, elective text, needs bytea, state text, again integer,
               place bigint, reason bytea, part text, status text, irregularity bytea, points numeric, final boolean,
               outcome text, issuer text, number text, issued date, notice text, verb text, party text, "time" text, log bigint)
language plpgsql stable
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off set enable_mergejoin = off
set enable_hashjoin = off set enable_material = off
as $$
#variable_conflict use_column
declare
    hash bytea := substr(student_, 1, 32);
    codes text[] := acting_codes(party_);
    months_ integer := (select months from retention);
    held student;
    r registration;
    numbers bigint[] := '{}';
begin
    for held in
        select * from student s where s.college = any (codes) and s.student_hash = hash order by s.college
    loop
        kind := 'student';
        student := held.student;
        institution := held.college;
        select k.eckid into eckid from eckid k where k.person = held.person;
        select max(s.date) + make_interval(months => months_) into until
        from registration r join session s on s.session = r.session
        where r.college = held.college and r.student_hash = hash;
        return next;
        eckid := null;
        until := null;
        for r in
            select * from registration where college = held.college and student_hash = hash order by entered
        loop
            return query
                select null, null, 'registration', held.student, held.college, null::bytea, null::date, r.session, s.exam,
                       s.date, r.name, r.born, r.elective, r.needs, r.state, nullif(r.again, 1),
                       case when r.state = 'waiting' then queue_place(r.session, r.entered) end, (select w.reason from withdrawal w where w.entered = r.entered),
                       null, null, null::bytea, null::numeric, null::boolean, result_outcome(r, false), null, null,
                       null::date, null, null, null, null, r.log
                from session s where s.session = r.session;
            return query
                select null, null, told.kind, held.student, held.college, null::bytea, null::date, r.session, null,
                       told.date, null::bytea, null::bytea, null, null::bytea, null, nullif(r.again, 1), null::bigint,
                       null::bytea, told.part, told.status, told.irregularity, trim_scale(told.points), told.final,
                       told.outcome, told.issuer, told.number, told.issued, told.notice, null, null, null, told.log
                from (select 1 as ord, 'part' as kind, p.part, a.status, a.irregularity, s.points, s.final,
                             null as outcome, null as issuer, null as number, null::date as issued, null::date as date,
                             null as notice, greatest(a.log, s.log) as log
                      from session held
                      join exam_part p on p.exam = held.exam
                      left join attendance a on a.entered = r.entered and a.part = p.part
                      left join score s on s.entered = r.entered and s.part = p.part
                      where held.session = r.session and (a.part is not null or s.part is not null)
                      union all
                      select 2, 'revised', v.part, null, null, v.points, true, null, null, null, null, null, null, v.log
                      from score_revised v where v.entered = r.entered
                      union all
                      select 3, 'certificate', null, null, null, null, null, null, c.issuer, c.number, c.issued, null,
                             null, c.log
                      from certified c where c.entered = r.entered
                      union all
                      select 4, 'notice', null, null, null, null, i.final, i.outcome, null, i.number, null, i.date, i.notice,
                             i.log
                      from inbox i
                      where i.entered = r.entered and i.role = 'roc' and i.party = any (codes)) told
                order by told.ord, told.part, told.log;
            numbers := numbers || array[r.entered, r.log]
                || array(select a.log from attendance a where a.entered = r.entered
                         union all select s.log from score s where s.entered = r.entered
                         union all select v.log from score_revised v where v.entered = r.entered
                         union all select c.log from certified c where c.entered = r.entered);
        end loop;
    end loop;
    return query
        select null, null, 'log', student_, null, null::bytea, null::date, null, null, null::date, null::bytea,
               null::bytea, null, null::bytea, null, null::integer, null::bigint, null::bytea, null, null, null::bytea,
               null::numeric, null::boolean, null, null, null, null::date, null, case when seen then a.verb end,
               case when seen then a.party end, wire_time(a.time), a.log
        from (select distinct told.log from unnest(numbers) told (log)) told
        join audit a on a.log = told.log
        cross join lateral (
            select a.party = any (codes) or a.verb not in ('register', 'move', 'withdraw') as seen offset 0) may
        order by a.log;
end
$$;
