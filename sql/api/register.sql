-- `register`, the hot road: a whole call is taken at once, and means the same as its elements one after another.
--
-- A call of newcomers alone, the common one, is one plain statement (register_newcomers). Any other is the long road: the
-- call is cut into stretches, in order. In a stretch no two elements touch the same student or person, so what
-- one of them finds does not depend on those before it, but for the seats, which are dealt out in order by counting.
-- A stretch is one statement, and the next begins when it has run. A call of strangers is one stretch; a call that
-- names one student over and over is a stretch each time.
--
-- Rules of speed: a set is never joined with a set, only with tables, by index (the settings on register()); what is
-- known of an element travels with it.

-- An element of a call, with what is known of its speaker.
create type register_entry as (
    ord integer, log bigint, live boolean, codes text[], nine boolean,
    session text, student bytea, eckid bytea, name bytea, born bytea, elective text, needs bytea, again integer,
    seen bigint
);

-- Who speaks: whether the certificate still does, the codes whose rows it may change (its own first), who holds those
-- of all of its line, and whether its student numbers may look like a BSN.
create type register_speaker as (live boolean, codes text[], heir text, nine boolean);

create type register_answer as (
    code text, field text, state text, again integer, place bigint, repeated boolean, amended boolean, last bigint
);

-- The end of a chain of successors.
create function final_heir(code_ text) returns text language plpgsql stable as $$
declare
    holder text := code_;
    heir text;
begin
    loop
        select successor into heir from institution where institution.code = holder;
        exit when heir is null;
        holder := heir;
    end loop;
    return holder;
end
$$;

-- The speakers of a call, each once, in the order of (party, role, certificate).
create function register_speakers(party_ text[], role_ text[], certificate_ bytea[]) returns register_speaker[]
language plpgsql stable as $$
begin
    return (select array_agg(row(
               certificate_live(s.party, s.role, s.certificate),
               case when exists (select from institution old where old.successor = s.party) then acting_codes(s.party)
                    else array[s.party] end,
               case when own.successor is null then s.party else final_heir(s.party) end,
               coalesce(own.numbers = 'nine', false))::register_speaker order by s.party, s.role, s.certificate)
    from (select distinct party, role, certificate
          from unnest(party_, role_, certificate_) s (party, role, certificate)) s
    left join institution own on own.code = s.party);
end
$$;

-- Whether a sealed student number looks like a BSN: a bit behind its hash, as the daemon alone sees the number.
create function looks_like_bsn(student bytea) returns boolean language sql immutable as $$
    select get_byte(student, 32) & 1 = 1
$$;

-- The common road: takes a call whose elements are all of newcomers, with student numbers and ECK iDs that nobody has
-- and each other's neither, that nothing refuses. What register_stretch() would do is then plain: each becomes a person
-- and enters. Returns for each, in order, its place in the queue, 0 where it is seated; NULL, and does nothing, when the
-- call is another. A college's first at a session takes the other road, which makes its contingent.
create function register_newcomers(base bigint, speakers register_speaker[], party_ text[], role_ text[],
                                   certificate_ bytea[], session_ text[], student_ bytea[], eckid_ bytea[],
                                   name_ bytea[], born_ bytea[], elective_ text[], needs_ bytea[], again_ integer[])
returns bigint[] language plpgsql as $$
declare
    today date := log_today();
    places bigint[];
    logs bigint[];
    cells integer[];
    sums smallint[];
    steps integer[];
    -- New persons count wherever their registration may.
    queue_sums constant smallint := 1 | 32;
    seat_sums constant smallint := 1 | 2 | 32 | 64;
begin
    with asked as materialized (
        select ord, base + ord as log, request.session, party as college, substr(student_[ord], 1, 32) as student_hash,
               nullif(substr(eckid_[ord], 1, 32), '') as eckid_hash, nth, contingent.cell, s.waiting,
               case when s.waiting = 0 then s.seats - s.taken else 0 end as free,
               (speaker).live and cardinality((speaker).codes) = 1 and attempt_kind(again_[ord], null, false) = 'new'
               and session_refusal(s.state, s.opens, session_closes(s.closes, s.date, s.notice), today) is null
               and contingent.cell is not null and number.person is null and known.person is null
               and ((speaker).nine or not looks_like_bsn(student_[ord]))
               and (coalesce(elective_[ord], '') = '' or exists (select from elective where code = elective_[ord]))
               as plain
        from (select ord, party, session, row_number() over (partition by session order by ord) as nth,
                     speakers[dense_rank() over (order by party, role, certificate)] as speaker
              from unnest(party_, role_, certificate_, session_)
                   with ordinality request (party, role, certificate, session, ord)) request
        left join session s on s.session = request.session
        left join contingent on contingent.session = request.session and contingent.college = party
        -- A look-up an element, as in recount().
        left join lateral (
            select person from student where college = party and student_hash = substr(student_[ord], 1, 32)
            offset 0) number on true
        left join lateral (
            select person from eckid where eckid_hash = substr(eckid_[ord], 1, 32) offset 0) known on true
    ), newcomer as materialized (
        select *, nth <= free as seated from asked
        where (select bool_and(plain) and count(distinct student_hash) = count(*)
                      and count(distinct eckid_hash) = count(eckid_hash) from asked)
    ), student_made as (
        insert into student (college, student_hash, student, person)
        select college, student_hash, student_[ord], log from newcomer
    ), eckid_made as (
        insert into eckid (eckid_hash, eckid, person)
        select eckid_hash, eckid_[ord], log from newcomer where eckid_hash is not null
    ), entered as (
        insert into registration (session, college, student_hash, again, person, state, entered, name, born, elective,
                                  needs, counted, log)
        select session, college, student_hash, 1, log, case when seated then 'seated' else 'waiting' end, log,
               name_[ord], born_[ord], nullif(elective_[ord], ''), nullif(needs_[ord], ''),
               case when seated then seat_sums else queue_sums end, log
        from newcomer
    ), filled as (
        update session
        set taken = session.taken + come.seated, waiting = session.waiting + come.waiting, log = come.log
        from (select session, count(*) filter (where seated) as seated, count(*) filter (where not seated) as waiting,
                     max(log) as log
              from newcomer group by session) come
        where session.session = come.session
    )
    select array_agg(case when seated then 0 else waiting + nth - free end order by ord), array_agg(log),
           array_agg(cell), array_agg(case when seated then seat_sums else queue_sums end), array_agg(1)
    into places, logs, cells, sums, steps
    from newcomer;
    if places is not null then
        perform count_change(logs, cells, sums, steps);
    end if;
    return places;
end
$$;

-- One stretch: its elements, of which it takes those before the first that touches a person of an element before it.
-- Returns an answer for each that it took, in order.
create function register_stretch(entries register_entry[]) returns register_answer[] language plpgsql as $$
declare
    today date := log_today();
    answers register_answer[];
    logs bigint[];          -- what recount() shall look at
    persons bigint[];
    -- Persons that become one: who stays, who becomes the same, by which number of the log. Where a number leaves the
    -- others of its person, the one who stays is new: that number of the log.
    kept bigint[];
    merged bigint[];
    merged_logs bigint[];
    entry register_entry;
begin
    with found as materialized (
        -- Its own rows by the whole key, so that a lookup costs the same however many register; those of predecessors
        -- by loops.
        select e.*, substr(e.student, 1, 32) as student_hash, substr(e.eckid, 1, 32) as eckid_hash,
               s.session as session_found, s.state as session_state, s.opens,
               session_closes(s.closes, s.date, s.notice) as until, s.seats, s.taken,
               s.waiting, r.stored, (r.stored).again as newest, coalesce(r.goes_on, false) as goes_on,
               number.person as number_held, known.person as person_by_number, held.eckid_hash as eckid_held,
               other.person as person_by_eckid, leaving.leaves, elective.code as elective_found
        from unnest(entries) e
        left join session s on s.session = e.session
        left join lateral (
            select held as stored from registration held
            where held.session = e.session and held.college = e.codes[1]
              and held.student_hash = substr(e.student, 1, 32)
            order by held.again desc limit 1) own on true
        left join lateral (
            select found.stored, (found.stored).state in ('seated', 'waiting') as goes_on
            from (select case when cardinality(e.codes) > 1 then registration_find(e.codes, e.session, e.student)
                              else own.stored end as stored
                  offset 0) found) r on true
        left join student number on number.college = e.codes[1] and number.student_hash = substr(e.student, 1, 32)
        left join lateral (
            select case when r.goes_on then (r.stored).person
                        when number.person is null and cardinality(e.codes) > 1
                            then person_inherited(e.codes, e.student)
                        else number.person end as person
            offset 0) known on true
        left join lateral (select * from eckid where person = known.person offset 0) held on true
        left join lateral (select * from eckid where eckid_hash = substr(e.eckid, 1, 32) offset 0) other on true
        -- Taken back by one of those who know the person by it: what others say is not theirs to change, or to hear of.
        left join lateral (
            select true as leaves
            where e.eckid = '' and held.eckid_hash is not null
              and person_shared(known.person, e.codes, substr(e.student, 1, 32))
            offset 0) leaving on true
        left join elective on elective.code = e.elective
    ), taken_on as materialized (
        -- A person may go by several numbers and an ECK iD: the stretch ends before the second element that touches
        -- one.
        select min(ord) as before
        from (select ord, row_number() over (partition by person order by ord) as nth
              from (select ord, person_by_number as person from found where person_by_number is not null
                    union select ord, person_by_eckid from found where person_by_eckid is not null) touched) touched
        where nth > 1
    ), judged as materialized (
        select found.*, attempt_kind(again, newest, goes_on) as kind,
               case when leaves then log else coalesce(person_by_eckid, person_by_number, log) end as person,
               eckid <> '' and eckid_hash <> eckid_held as eckid_differs,
               -- As it is already, in each field that is given.
               substr(name, 1, 32) = substr((stored).name, 1, 32) and substr(born, 1, 32) = substr((stored).born, 1, 32)
               and or_stored(elective, (stored).elective) is not distinct from (stored).elective
               and coalesce(substr(needs, 1, 32), substr((stored).needs, 1, 32), '')
                   = coalesce(substr((stored).needs, 1, 32), '')
               and coalesce(eckid_hash, eckid_held, '') = coalesce(eckid_held, '') as same
        from found
        where ord < coalesce((select before from taken_on), 2147483647)
    ), decided as materialized (
        select judged.*, refusal.*, refusal.code is null and kind = 'live' and same as repeats,
               refusal.code is null and kind = 'live' and not same as corrects,
               refusal.code is null and kind = 'new' as enters
        from judged, lateral (
            select case when not live then 'revoked'
                        when session_found is null or elective <> '' and elective_found is null then 'not-found'
                        when person_by_number is null and looks_like_bsn(student) and not nine
                            then 'looks-like-bsn'
                        when kind in ('ended', 'again') then kind
                        when cardinality(codes) > 1 and registration_ambiguous(stored, codes) then 'taken'
                        when eckid_differs then 'eckid-differs'
                        when kind = 'live' and same then null
                        when (stored).log > seen then 'changed'
                        when kind = 'live' then case when (stored).reached > 0 then 'attended' end
                        else session_refusal(session_state, opens, until, today) end as code) refusal
    ), seated as materialized (
        -- The n-th newcomer of a session is seated while there are seats and nobody waits, and else waits behind the
        -- rest.
        select decided.*,
               case when enters then row_number() over (partition by session, enters order by ord) end as nth,
               case when waiting = 0 then seats - taken else 0 end as free
        from decided
    ), student_made as (
        insert into student (college, student_hash, student, person)
        select codes[1], student_hash, student, person from seated where enters and number_held is null
    ), eckid_made as (
        insert into eckid (eckid_hash, eckid, person)
        select eckid_hash, eckid, person from seated
        where (enters or corrects) and eckid <> '' and eckid_held is null and person_by_eckid is null
    ), eckid_gone as (
        delete from eckid
        where person = any (array(select person_by_number from seated
                                  where (enters or corrects) and eckid = '' and leaves is null))
    ), contingent_made as (
        insert into contingent (session, college, cell)
        select session, college, cell_made(session, college)
        from (select distinct session, codes[1] as college from seated where enters) place
        where not exists (select from contingent
                          where contingent.session = place.session and contingent.college = place.college)
    ), entered as (
        insert into registration (session, college, student_hash, again, person, state, entered, name, born, elective,
                                  needs, log)
        select session, codes[1], student_hash, coalesce(again, 1), person,
               case when nth <= free then 'seated' else 'waiting' end, log, name, born, nullif(elective, ''),
               nullif(needs, ''), log
        from seated where enters
    ), corrected as (
        update registration r
        set name = c.name, born = c.born, elective = or_stored(c.elective, r.elective),
            needs = case when c.needs is null then r.needs else nullif(c.needs, '') end, log = c.log
        from seated c
        where corrects and r.entered = any (array[(c.stored).entered])
    ), filled as (
        update session
        set taken = session.taken + come.seated, waiting = session.waiting + come.waiting, log = come.log
        from (select session, count(*) filter (where nth <= free) as seated,
                     count(*) filter (where nth > free) as waiting, max(log) as log
              from seated where enters group by session) come
        where session.session = come.session
    )
    select array_agg(row(
               code,
               case code when 'not-found' then case when session_found is null then 'session' else 'elective' end
                         when 'looks-like-bsn' then 'student' when 'taken' then 'student' when 'again' then 'again'
                         when 'eckid-differs' then 'eckid' when 'not-open' then 'session'
                         when 'closed' then 'session' end,
               case when enters then case when nth <= free then 'seated' else 'waiting' end
                    when code is null then (stored).state end,
               case when code = 'ended' then newest + (not goes_on)::integer
                    when code is null then nullif(coalesce(again, 1), 1) end,
               case when enters then case when nth > free then waiting + nth - free end
                    when code is null and (stored).state = 'waiting' then queue_place(session, (stored).entered) end,
               nullif(repeats, false), nullif(corrects, false),
               case when code = 'changed' then (stored).log end)::register_answer order by ord),
           array_agg(log) filter (where enters or person <> person_by_number and corrects),
           array_agg(person) filter (where enters or person <> person_by_number and corrects),
           array_agg(log) filter (where person <> person_by_number and (enters or corrects)),
           array_agg(person) filter (where person <> person_by_number and (enters or corrects)),
           array_agg(person_by_number) filter (where person <> person_by_number and (enters or corrects))
    into answers, logs, persons, merged_logs, kept, merged
    from seated;

    if merged is not null then
        for i in 1 .. cardinality(kept) loop
            if kept[i] = merged_logs[i] then
                entry := entries[kept[i] - entries[1].log + 1];
                perform person_split(merged[i], entry.codes, substr(entry.student, 1, 32), kept[i]);
            else
                perform person_merge(kept[i], merged[i]);
            end if;
        end loop;
        logs := logs || merged_logs;
        persons := persons || merged;
        -- Attempts of one person may make a pass together.
        perform results_follow(merged_logs[i], array[kept[i], merged[i]]) from generate_subscripts(kept, 1) i;
    end if;
    if logs is not null then
        perform recount(logs, persons);
    end if;
    return answers;
end
$$;

create function register(party_ text[], role_ text[], certificate_ bytea[],
                         session_ text[], student_ bytea[], eckid_ bytea[], name_ bytea[], born_ bytea[],
                         elective_ text[], needs_ bytea[], again_ integer[], seen_ bigint[])
returns table (code text, field text, state text, again integer, place bigint, repeated boolean, amended boolean,
               last bigint)
language plpgsql
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off set enable_mergejoin = off
set enable_hashjoin = off set enable_material = off
as $$
#variable_conflict use_column
declare
    base bigint := (select log from log_head);
    speakers register_speaker[] := register_speakers(party_, role_, certificate_);
    places bigint[] := register_newcomers(base, speakers, party_, role_, certificate_, session_, student_, eckid_,
                                          name_, born_, elective_, needs_, again_);
    entries register_entry[];
    earlier_ integer[];     -- of each element the newest one before it with the same student or ECK iD
    answers register_answer[];
    count_ integer := cardinality(party_);
    first_ integer := 1;
    last_ integer;
begin
    if places is not null then
        return query
            select null, null, case when place = 0 then 'seated' else 'waiting' end, null::integer, nullif(place, 0),
                   null::boolean, null::boolean, null::bigint
            from unnest(places) place;
        return;
    end if;

    select array_agg(row(ord, base + ord, (speaker).live, (speaker).codes, (speaker).nine, session, student, eckid,
                         name, born, elective, needs, again, seen)::register_entry order by ord),
           array_agg(greatest(lag_student, lag_eckid) order by ord)
    into entries, earlier_
    from (
        select *, lag(ord) over (partition by (speaker).heir, substr(student, 1, 32) order by ord) as lag_student,
               case when eckid <> '' then lag(ord) over (partition by substr(eckid, 1, 32) order by ord) end
                   as lag_eckid
        from (
            select *, speakers[dense_rank() over (order by party, role, certificate)] as speaker
            from unnest(party_, role_, certificate_, session_, student_, eckid_, name_, born_, elective_, needs_,
                        again_, seen_)
                 with ordinality request (party, role, certificate, session, student, eckid, name, born, elective,
                                          needs, again, seen, ord)) request
    ) request;

    while first_ <= count_ loop
        last_ := first_;
        while last_ < count_ and coalesce(earlier_[last_ + 1] < first_, true) loop
            last_ := last_ + 1;
        end loop;
        answers := register_stretch(entries[first_:last_]);
        return query select * from unnest(answers);
        first_ := first_ + cardinality(answers);
    end loop;
end
$$;
