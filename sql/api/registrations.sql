-- Registrations and persons: what `register` (register.sql), `withdraw` and `move` share, the two, and the list.
--
-- A registration is keyed by session, college and student number, and has attempts. A college finds its own, else one
-- that it inherited from a predecessor; a new one is made under its own code. Seats change hands under the number of
-- the write that did it, and every write ends with recount().

-- The newest attempt for a student number in a session among the codes a college acts for: one that lives before one
-- that has ended, then its own, then the one that entered last. Each code is looked up by the whole key: a plan for all
-- at once may read the whole session.
create function registration_find(codes text[], session_ text, student_ bytea) returns registration
language plpgsql stable as $$
declare
    code_ text;
    one registration;
    best registration;
    lives boolean;
    best_lives boolean;
begin
    foreach code_ in array codes loop
        select * into one from registration
        where session = session_ and college = code_ and student_hash = substr(student_, 1, 32)
        order by again desc limit 1;
        continue when one.session is null;
        lives := one.state in ('seated', 'waiting');
        if best.session is null or lives > best_lives
           or lives = best_lives and best.college <> codes[1] and one.entered > best.entered then
            best := one;
            best_lives := lives;
        end if;
    end loop;
    return best;
end
$$;

-- The attempt of that number at the college of the newest, else at another of the codes: a successor goes on counting
-- under its own code.
create function registration_attempt(newest registration, codes text[], again_ integer) returns registration
language plpgsql stable as $$
declare
    code_ text;
    found_ registration;
begin
    foreach code_ in array newest.college || codes loop
        select * into found_ from registration
        where session = newest.session and college = code_ and student_hash = newest.student_hash and again = again_;
        exit when found;
    end loop;
    return found_;
end
$$;

-- Whether two of the codes have that number in the session, and nothing tells which student is meant: what was found is a
-- predecessor's, and another of them, or the college itself, has had one too.
create function registration_ambiguous(found_ registration, codes text[]) returns boolean language plpgsql stable as $$
declare
    code_ text;
begin
    if found_.college = codes[1] then
        return false;
    end if;
    foreach code_ in array codes loop
        if code_ <> found_.college and exists (
                select from registration
                where session = found_.session and college = code_ and student_hash = found_.student_hash) then
            return true;
        end if;
    end loop;
    return false;
end
$$;

-- The person that a number is at the predecessors of a college; NULL when none has it, or two for different persons.
create function person_inherited(codes text[], student_ bytea) returns bigint language plpgsql stable as $$
begin
    return (select case when min(person) = max(person) then min(person) end
            from student where college = any (codes) and student_hash = substr(student_, 1, 32));
end
$$;

-- Place in the queue of a session, from 1, of who entered it under that number.
create function queue_place(session_ text, entered_ bigint) returns bigint language plpgsql stable as $$
begin
    return (select count(*) from registration where session = session_ and state = 'waiting' and entered <= entered_);
end
$$;

-- Whether a person goes by another number than this one of a college (that acts for `codes`). One that was erased is none.
create function person_shared(person_ bigint, codes text[], hash bytea) returns boolean language plpgsql stable as $$
begin
    return exists (select from student
                   where person = person_ and student is not null
                     and not (college = any (codes) and student_hash = hash));
end
$$;

-- Makes the person `merged` the same as `kept`.
create function person_merge(kept bigint, merged bigint) returns void language plpgsql as $$
begin
    update student set person = kept where person = merged;
    update registration set person = kept where person = merged;
end
$$;

-- Takes a number of a college out of a person that others know too: it becomes a person of its own.
create function person_split(person_ bigint, codes text[], hash bytea, own bigint) returns void language plpgsql as $$
begin
    update student set person = own where person = person_ and college = any (codes) and student_hash = hash;
    update registration set person = own where person = person_ and college = any (codes) and student_hash = hash;
end
$$;

-- Ends a registration that lives, as `withdrawn` or `moved`, and passes its seat on while registration lasts. Returns
-- the persons to recount: its own, and who was promoted.
create function registration_end(ended registration, state_ text, reason_ bytea, log_ bigint) returns bigint[]
language plpgsql as $$
declare
    left_ session;
begin
    update registration set state = state_, log = log_
    where (session, college, student_hash, again) = (ended.session, ended.college, ended.student_hash, ended.again);
    if reason_ <> '' then
        insert into withdrawal (entered, reason) values (ended.entered, reason_);
    end if;
    update session
    set taken = taken - (ended.state = 'seated')::integer, waiting = waiting - (ended.state = 'waiting')::integer,
        log = log_
    where session = ended.session
    returning * into left_;
    if session_promotes(left_) then
        return ended.person || promote(ended.session, log_);
    end if;
    return array[ended.person];
end
$$;

-- What a line about a registration that should exist comes to, for `withdraw` and `move`: the registration's newest
-- attempt, the kind of the attempt asked for (attempt_kind), and the refusal when there is none or it is not clear
-- which.
create function registration_named(party_ text, session_ text, student_ bytea, again_ integer)
returns table (code text, field text, newest registration, kind text) language plpgsql stable as $$
#variable_conflict use_column
declare
    codes_ text[] := acting_codes(party_);
begin
    newest := registration_find(codes_, session_, student_);
    kind := attempt_kind(again_, newest.again, newest.state in ('seated', 'waiting'));
    if newest.session is null then
        code := 'not-found';
        field := case when exists (select from session where session = session_) then 'student' else 'session' end;
    elsif registration_ambiguous(newest, codes_) then
        code := 'taken';
        field := 'student';
    elsif kind not in ('live', 'ended') then
        code := 'again';
        field := 'again';
    end if;
    return next;
end
$$;

create function withdraw(party_ text, role_ text, certificate_ bytea,
                         session_ text, student_ bytea, reason_ bytea, again_ integer, seen_ bigint)
returns table (code text, field text, state text, again integer, repeated boolean, last bigint) language plpgsql
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off
as $$
#variable_conflict use_column
declare
    named record;
    newest registration;
    kind text;
begin
    select * into named from registration_named(party_, session_, student_, again_);
    code := named.code;
    field := named.field;
    newest := named.newest;
    kind := named.kind;
    if code is not null then
        return next;
        return;
    end if;

    again := nullif(coalesce(again_, 1), 1);
    if kind = 'ended' then
        state := coalesce((registration_attempt(newest, acting_codes(party_), coalesce(again_, 1))).state, newest.state);
        repeated := true;
    elsif newest.log > seen_ then
        code := 'changed';
        last := newest.log;
    elsif newest.reached > 0 then
        code := 'attended';
    else
        perform recount_all(running_log(), registration_end(newest, 'withdrawn', reason_, running_log()));
        state := 'withdrawn';
    end if;
    if code is not null then
        again := null;
    end if;
    return next;
end
$$;

-- The registration that a move made of `ended`, when it went to that session: it entered under the number that ended
-- this one.
create function registration_moved_to(ended registration, to_ text) returns registration language plpgsql stable as $$
declare
    found_ registration;
begin
    select * into found_ from registration
    where ended.state = 'moved' and session = to_ and college = ended.college and student_hash = ended.student_hash
      and entered = ended.log;
    return found_;
end
$$;

-- Why a registration cannot move to a session, by rules of that session alone; the field at fault is always `to`.
create function move_refusal(moving registration, to_ text, codes text[]) returns text language plpgsql stable as $$
declare
    target session;
    there registration := registration_find(codes, to_, moving.student_hash);
begin
    select * into target from session where session = to_;
    return case when target.session is null then 'not-found'
                when to_ = moving.session then 'range'
                when there.state in ('seated', 'waiting') then 'taken'
                else coalesce(session_refusal(target.state, target.opens,
                                              session_closes(target.closes, target.date, target.notice), log_today()),
                              case when target.taken >= target.seats then 'full' end) end;
end
$$;

-- The registration goes on in another session, as the next attempt there; what it holds goes with it. The left one
-- ends.
create function move(party_ text, role_ text, certificate_ bytea,
                     session_ text, student_ bytea, to_ text, again_ integer, seen_ bigint)
returns table (code text, field text, state text, again integer, place bigint, repeated boolean, last bigint)
language plpgsql
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off
as $$
#variable_conflict use_column
declare
    named record;
    newest registration;
    asked registration;
    made registration;
    kind text;
begin
    select * into named from registration_named(party_, session_, student_, again_);
    code := named.code;
    field := named.field;
    newest := named.newest;
    kind := named.kind;
    if code is not null then
        return next;
        return;
    end if;

    asked := registration_attempt(newest, acting_codes(party_), coalesce(again_, 1));
    made := registration_moved_to(asked, to_);
    if made.session is not null then
        repeated := true;
    elsif kind = 'ended' then
        code := 'ended';
        again := newest.again + (newest.state not in ('seated', 'waiting'))::integer;
    elsif newest.log > seen_ then
        code := 'changed';
        last := newest.log;
    elsif newest.reached > 0 then
        code := 'attended';
    else
        code := move_refusal(newest, to_, acting_codes(party_));
        field := case when code is not null then 'to' end;
    end if;
    if code is null and made.session is null then
        made := newest;
        made.session := to_;
        made.again := 1 + coalesce((select max(r.again) from registration r
                                    where r.session = to_ and r.college = newest.college
                                      and r.student_hash = newest.student_hash), 0);
        made.state := 'seated';
        made.entered := running_log();
        made.log := running_log();
        made.reason := null;
        made.counted := 0;
        insert into contingent (session, college, cell) values (to_, made.college, cell_made(to_, made.college))
        on conflict do nothing;
        insert into registration select made.*;
        update session set taken = taken + 1, log = running_log() where session = to_;
        perform recount_all(running_log(), registration_end(newest, 'moved', null, running_log()));
    end if;
    if code is null then
        state := made.state;
        again := nullif(made.again, 1);
        place := case when made.state = 'waiting' then queue_place(made.session, made.entered) end;
    end if;
    return next;
end
$$;

-- Whether a list shall tell of a registration; NULL and the token `after` as in every list.
create function registration_asked(r registration, only_session text, only_hash bytea, only_institution text,
                                   after_ text) returns boolean language sql immutable as $$
    select (only_session is null or r.session = only_session) and (only_hash is null or r.student_hash = only_hash)
       and (only_institution is null or r.college = only_institution)
       and (after_ is null or r.entered > token_number(after_, 1))
$$;

-- The newest attempt of each registration, in the order of `entered`. A college sees its own rows, and of those who
-- have a seat in a session that it hosts college and number; the exam office the candidates of its exams; Nuffic and
-- the administrator no personal data, which nobody has of a student who was erased; the ministry nothing. Who may not see
-- student numbers cannot ask for one either. First the page is found, by index, then all else about its rows; a seated one
-- is the newest of its attempts.
create function registrations(party_ text, role_ text, certificate_ bytea,
                              only_session text, only_student bytea, only_institution text, after_ text, limit_ integer)
returns table (code text, field text, session text, student bytea, institution text, name bytea, born bytea,
               eckid bytea, elective text, needs bytea, state text, again integer, place bigint, reason bytea,
               log bigint, after text)
language plpgsql stable
set plan_cache_mode = force_custom_plan -- one session, or a page of all: the best plans are far apart
as $$
#variable_conflict use_column
declare
    codes text[] := case when role_ in ('roc', 'exams') then acting_codes(party_) else '{}' end;
    only_hash bytea := substr(only_student, 1, 32);
    persons bigint[];
begin
    if after_ is not null and token_number(after_, 1) is null then
        code := 'range';
        field := 'after';
        return next;
        return;
    end if;
    if role_ = 'roc' and only_student is not null then
        persons := array(select person from student where college = any (codes) and student_hash = only_hash);
    end if;
    return query
        with page as materialized (
            (select r.*, false as hosted
             from registration r
             where registration_asked(r, only_session, only_hash, only_institution, after_)
               and case role_ when 'roc' then r.college = any (codes) and (persons is null or r.person = any (persons))
                   when 'exams' then r.session in (select held.session from session held join exam using (exam)
                                                   where exam.issuer = any (codes))
                   else role_ in ('nuffic', 'admin') and only_student is null end
               and (r.state in ('seated', 'waiting')
                    or not exists (select from registration later
                                   where later.session = r.session and later.college = r.college
                                     and later.student_hash = r.student_hash and later.again > r.again))
             order by r.entered
             limit limit_)
            union all
            (select r.*, true
             from session held join registration r on r.session = held.session
             where role_ = 'roc' and held.host = any (codes) and r.state = 'seated' and r.college <> all (codes)
               and registration_asked(r, only_session, only_hash, only_institution, after_)
             order by r.entered
             limit limit_)
        ), queue as materialized (
            -- Places of who waits, a queue at a time: queue_place() would count it anew for each row.
            select waiting.*
            from (select distinct session from page where state = 'waiting' and not hosted) asked
            cross join lateral (
                select r.session, r.entered, row_number() over (order by r.entered) as place
                from registration r
                where r.session = asked.session and r.state = 'waiting') waiting
        )
        select null, null, r.session,
               case when hosted or sees.names
                    then (select s.student from student s
                          where s.college = r.college and s.student_hash = r.student_hash) end, r.college,
               case when sees.names then r.name end, case when sees.names then r.born end,
               case when sees.own and r.name is not null
                    then (select k.eckid from eckid k where k.person = r.person) end,
               case when not hosted then r.elective end,
               case when sees.names then r.needs end, case when not hosted then r.state end,
               case when not hosted then nullif(r.again, 1) end,
               queue.place,
               case when sees.own then (select w.reason from withdrawal w where w.entered = r.entered) end,
               case when not hosted then r.log end, r.entered::text
        from page r
        join lateral (select role_ = 'roc' and not hosted as own,
                             role_ in ('roc', 'exams') and not hosted as names) sees on true
        left join queue on queue.session = r.session and queue.entered = r.entered and not hosted
        order by r.entered
        limit limit_;
end
$$;
