-- Personal data goes: for one student when the college says so, here; when its time is over, in retention.sql. What is
-- deleted are look-ups (the student number, the ECK iD) and all that was sealed for a person. The person stays as a bare number,
-- with registrations, seats and results, so that no count moves.

-- Erases look-ups, each named by its college and the hash of its number; under the number `log_`. An ECK iD goes with the
-- last look-up that leads to its person. Returns how many registrations were theirs. Its work is by index, and so is that
-- of the key that takes the new hash on to the registrations, which is planned under the same settings.
create function students_erase(colleges_ text[], hashes_ bytea[], log_ bigint) returns integer language plpgsql
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off set enable_mergejoin = off
set enable_hashjoin = off set enable_material = off
as $$
declare
    persons_ bigint[];
    entered_ bigint[];
begin
    select array_agg(distinct held.person), array_agg(r.entered) filter (where r.entered is not null)
    into persons_, entered_
    from unnest(colleges_, hashes_) asked (college, hash)
    cross join lateral (
        select person from student where college = asked.college and student_hash = asked.hash offset 0) held
    left join lateral (
        select entered from registration where college = asked.college and student_hash = asked.hash offset 0) r on true;
    update attendance set irregularity = null, log = log_
    where entered = any (entered_) and irregularity is not null;
    update registration
    set name = null, born = null, needs = null, reason = null, log = log_
    where entered = any (entered_);
    delete from withdrawal where entered = any (entered_);
    update student
    set student = null, student_hash = sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))
    from unnest(colleges_, hashes_) asked (college, hash)
    where student.college = asked.college and student.student_hash = any (array[asked.hash]);
    delete from eckid k
    where k.person = any (persons_)
      and not exists (select from student s where s.person = k.person and s.student is not null);
    return coalesce(cardinality(entered_), 0);
end
$$;

-- All of one student number, at every code that the college acts for. A number that two predecessors gave to two persons is
-- each one's own to erase.
create function erase(party_ text, role_ text, certificate_ bytea, student_ bytea, seen_ bigint)
returns table (code text, field text, registrations integer, repeated boolean, last bigint) language plpgsql
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off set enable_mergejoin = off
set enable_hashjoin = off set enable_material = off
as $$
#variable_conflict use_column
declare
    hash bytea := substr(student_, 1, 32);
    colleges text[];
    persons integer;
    ahead boolean;
    newest bigint;
begin
    select array_agg(college), count(distinct person) into colleges, persons
    from student where college = any (acting_codes(party_)) and student_hash = hash;
    select bool_or(r.state in ('seated', 'waiting') and s.date >= log_today()), max(r.log) into ahead, newest
    from unnest(colleges) held (college)
    cross join lateral (
        select session, state, log from registration
        where college = held.college and student_hash = hash offset 0) r
    join session s on s.session = r.session;
    if colleges is null then
        repeated := true;
    elsif persons > 1 then
        code := 'taken';
        field := 'student';
    elsif newest > seen_ then
        code := 'changed';
        last := newest;
    elsif ahead then
        code := 'live';
        field := 'student';
    else
        registrations := students_erase(colleges, array_fill(hash, array[cardinality(colleges)]), running_log());
    end if;
    return next;
end
$$;
