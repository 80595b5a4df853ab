-- What parties are told of what others did or the calendar brought, until they say that they have read it.

create table inbox (
    party text not null,                            -- whose: a code; who acts for it reads it too
    role text not null,                             -- in which it is read
    log bigint not null,                            -- the write that told it
    place integer not null check (place >= 1),      -- among what that write told this party
    notice text not null,
    session text,
    elective text,
    exam text,
    entered bigint,                                 -- the registration, by the number under which it entered
    date date,
    until date,
    outcome text,
    final boolean,
    number text,
    certificate bytea,                              -- fingerprint
    primary key (party, role, log, place)
);
create index on inbox (log);

-- What a registration's result was when its college was last told.
create table outcome_told (
    entered bigint primary key,
    outcome text not null check (outcome in ('passed', 'failed')),
    final boolean not null
);

-- Deadlines that were told, so that each is told once; a deadline that was moved is another. Gone when it is over.
create table deadline_told (
    kind text not null check (kind in ('session', 'elective', 'wishes')),
    code text not null,
    until date not null,
    primary key (kind, code, until)
);
-- When certificates end that were used, and on which day they were last. Of them alone the registry knows it. No writes of
-- the log, as what a daemon notes of its own connections is none.
create table certificate_end (
    fingerprint bytea primary key,
    certificate bytea not null,                     -- as handed over, see sql/README.md
    party text not null,
    role text not null,
    until timestamptz not null,
    used date not null,
    told integer check (told in (30, 7))            -- the last notice said that so many days are left at most
);
create index on certificate_end (until);

create index on session ((coalesce(closes, date - 28))) where state = 'scheduled';
create index on elective (enrol_until);
