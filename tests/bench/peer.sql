-- The peer of register-64: the same rules, one row a statement, as fast as it goes. One prepared call of one function
-- does all of a registration: the seat or the place in the queue, the student, the registration, the row of the log with its
-- gapless number, the sums. The rows that everybody locks come last, so that they are held as short as can be.
-- It leaves out what it can: no certificate check, no heads, no corrections, and the hashes come from the client.

create table session (
    session integer primary key,
    seats integer not null,
    taken integer not null default 0,
    waiting integer not null default 0,
    opens date,
    closes date not null,
    check (taken <= seats)
) with (fillfactor = 10);

create table student (
    college text not null,
    student_hash bytea not null,
    student bytea not null,
    person bigint not null,
    primary key (college, student_hash)
);

create table registration (
    session integer not null references session,
    college text not null,
    student_hash bytea not null,
    person bigint not null,
    state text not null,
    entered bigint not null,
    name bytea not null,
    born bytea not null,
    primary key (session, college, student_hash)
);
create index on registration (session, entered) where state = 'waiting';

create table audit (
    log bigint primary key,
    time timestamptz not null,
    party text not null,
    certificate bytea not null,
    verb text not null,
    fields text not null,
    outcome text not null
);

create table log_head (
    one boolean primary key default true check (one),
    log bigint not null
) with (fillfactor = 10);
insert into log_head (log) values (0);

create table tally (
    log bigint primary key,
    cell integer not null,
    registered integer not null,
    seated integer not null
);

create table cell (
    cell integer primary key,
    registered integer not null,
    seated integer not null
) with (fillfactor = 10);
insert into cell values (1, 0, 0);

create sequence log_sequence cache 1;

insert into session select n, 1000000, 0, 0, null, current_date + 300 from generate_series(1, 8) n;

-- The rules whole. `place` is not NULL where the student waits.
create function register(session_ integer, number_ bigint, name_ bytea, born_ bytea)
returns table (log_ bigint, state_ text, place_ integer) language plpgsql as $$
declare
    college_ constant text := '25LU';
    hash_ bytea := sha256(int8send(number_));
    sealed_ bytea := hash_ || name_;
    has_seat boolean;
    known registration;
begin
    select * into known from registration r where r.session = session_ and r.college = college_ and r.student_hash = hash_;
    if found then
        return query select known.entered, known.state, null::integer;
        return;
    end if;
    update session s
    set taken = s.taken + (s.taken < s.seats)::integer, waiting = s.waiting + (s.taken >= s.seats)::integer
    where s.session = session_ and (s.opens is null or s.opens <= current_date) and s.closes >= current_date
    returning s.waiting = 0, nullif(s.waiting, 0) into has_seat, place_;
    if not found then
        raise exception 'closed';
    end if;
    state_ := case when has_seat then 'seated' else 'waiting' end;
    update log_head set log = log + 1 returning log into log_;
    insert into student values (college_, hash_, sealed_, log_) on conflict do nothing;
    insert into registration values (session_, college_, hash_, log_, state_, log_, name_, born_);
    insert into audit values (log_, now(), college_, hash_, 'register', 'session=S student=' || encode(hash_, 'hex'), state_);
    insert into tally values (log_, 1, 1, has_seat::integer);
    update cell set registered = registered + 1, seated = seated + has_seat::integer where cell = 1;
    return next;
end
$$;

-- The rules less a gapless log and less the running sums: nobody waits for anybody but for the session. Measured to
-- show what those promises cost a peer without batches; it is not the same thing.
create function register_loose(session_ integer, number_ bigint, name_ bytea, born_ bytea)
returns table (log_ bigint, state_ text, place_ integer) language plpgsql as $$
declare
    college_ constant text := '25LU';
    hash_ bytea := sha256(int8send(number_));
    sealed_ bytea := hash_ || name_;
    has_seat boolean;
    known registration;
begin
    select * into known from registration r where r.session = session_ and r.college = college_ and r.student_hash = hash_;
    if found then
        return query select known.entered, known.state, null::integer;
        return;
    end if;
    log_ := nextval('log_sequence');
    insert into student values (college_, hash_, sealed_, log_) on conflict do nothing;
    update session s
    set taken = s.taken + (s.taken < s.seats)::integer, waiting = s.waiting + (s.taken >= s.seats)::integer
    where s.session = session_ and (s.opens is null or s.opens <= current_date) and s.closes >= current_date
    returning s.waiting = 0, nullif(s.waiting, 0) into has_seat, place_;
    if not found then
        raise exception 'closed';
    end if;
    state_ := case when has_seat then 'seated' else 'waiting' end;
    insert into registration values (session_, college_, hash_, log_, state_, log_, name_, born_);
    insert into audit values (log_, now(), college_, hash_, 'register', 'session=S student=' || encode(hash_, 'hex'), state_);
    insert into tally values (log_, 1, 1, has_seat::integer);
    return next;
end
$$;
