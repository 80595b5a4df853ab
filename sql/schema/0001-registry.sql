-- The registry's tables. Applied once, by `buurtaald migrate`, with search_path = registry. Every `log` column is the
-- number of the write that last had an effect on the row. Nothing here uses a sequence: numbers that people see come
-- from the log, which is gapless. Personal data is in bytea columns only, sealed by the daemon; *_hash columns are
-- their first 32 bytes, the HMAC that tells equal from different without telling what.

------------------------------------------------------------------------------------------------ the log

-- The one row that every write locks first: so writes are one at a time and log numbers are in the order of commits.
create table log_head (
    one boolean primary key default true check (one),
    log bigint not null check (log >= 0),
    head bytea not null check (length(head) = 32),
    time timestamptz not null,  -- of the newest write; never goes back
    day date not null           -- the same as a day in Amsterdam
) with (fillfactor = 10);

-- The last number of each day that is over and had a write: what `as-of=` a date and "as of yesterday" mean.
create table log_day (
    day date primary key,
    log bigint not null unique
);

create table audit (
    log bigint primary key,
    time timestamptz not null,
    party text not null,
    certificate bytea not null check (length(certificate) = 32),
    origin text not null,
    verb text not null,
    fields text not null,
    outcome text not null
);

create table head (
    log bigint primary key references audit,
    head bytea not null check (length(head) = 32)
);

-- The last batch of each run of a daemon: a batch that is sent again after a lost connection is refused here.
create table daemon_run (
    run text primary key,
    batch bigint not null,
    time timestamptz not null
) with (fillfactor = 10);

-- A row only in clusters made for a demo: how far their clock runs ahead (`buurtaald clock`).
create table demo (
    one boolean primary key default true check (one),
    ahead interval not null default '0'
);

-- The api schemas that `buurtaald migrate` made, and when a daemon last used them: an unused one goes after a day.
create table api (
    name text primary key,
    built timestamptz not null default now(),
    used timestamptz not null default now()
);

------------------------------------------------------------------------------------------------ institutions and access

create table institution (
    code text primary key,
    name text not null,
    kind text not null,
    country text not null,
    province text,
    region text,
    place text,
    board text,
    "from" date,
    until date,
    successor text references institution,
    numbers text,
    log bigint not null,
    check ("from" <= until),
    check (successor <> code)
);
create index on institution (successor) where successor is not null;

-- Which certificates speak for which party: by fingerprint, or by OIN and issuing CA; attempts of an OIN never overlap.
create table access (
    party text not null,
    role text not null,
    fingerprint bytea check (length(fingerprint) = 32),
    oin text,
    issuer bytea check (length(issuer) = 32),
    label text,
    again integer not null default 1 check (again >= 1),
    granted bigint not null,    -- log numbers
    revoked bigint,
    log bigint not null,
    check ((fingerprint is null) = (oin is not null)),
    check ((oin is null) = (issuer is null)),
    check (fingerprint is null or again = 1),
    check (revoked > granted),
    unique (fingerprint),
    unique (oin, issuer, again),
    exclude using gist (oin with =, issuer with =, int8range(granted, revoked) with &&)
);

-- Fingerprints that are dead for ever, granted before or not.
create table revoked_fingerprint (
    fingerprint bytea primary key check (length(fingerprint) = 32),
    log bigint not null
);

------------------------------------------------------------------------------------------------ electives

create table elective (
    code text primary key,
    title text not null,
    language text not null,
    receptive text not null,
    productive text not null,
    hours integer,
    "set" date,
    enrol_until date,
    complete_until date,
    log bigint not null,
    check ("set" <= enrol_until),
    check (enrol_until <= complete_until)
);

create table offer (
    elective text not null references elective,
    schoolyear integer not null,
    institution text not null references institution,
    again integer not null check (again >= 1),
    state text not null check (state in ('offered', 'retracted')),
    students integer check (students >= 0),
    location text,
    log bigint not null,
    primary key (institution, elective, schoolyear, again)
);
create unique index offer_live on offer (institution, elective, schoolyear) where state = 'offered';

------------------------------------------------------------------------------------------------ exams and sessions

create table exam (
    exam text primary key,
    issuer text not null references institution,
    language text not null,
    level text not null,
    certificate boolean not null,
    edition text not null,
    combine boolean,
    total numeric,
    log bigint not null
);

create table exam_part (
    exam text not null references exam,
    part text not null,
    max numeric not null,
    pass numeric not null,
    log bigint not null,
    primary key (exam, part),
    check (pass <= max)
);

create table session (
    session text primary key,
    exam text not null references exam,
    date date not null,
    opens date,                                     -- absent: at once
    closes date,                                    -- absent: 28 days before `date`
    seats integer not null check (seats >= 0),
    taken integer not null default 0 check (taken >= 0),
    waiting integer not null default 0 check (waiting >= 0),
    place text not null,
    host text not null references institution,
    state text not null check (state in ('scheduled', 'cancelled')),
    reason text,
    log bigint not null,
    check (taken <= seats),
    check (opens <= closes),
    check (state = 'scheduled' or (taken = 0 and waiting = 0))
) with (fillfactor = 50);

--------------------------------------------------------------------------------- persons and registrations

-- A person is a bare number (that of the write that first named it) with two look-ups.
create table student (
    college text not null references institution,
    student_hash bytea not null check (length(student_hash) = 32),
    student bytea not null,
    person bigint not null,
    primary key (college, student_hash)
);
create index on student (person);

create table eckid (
    eckid_hash bytea primary key check (length(eckid_hash) = 32),
    eckid bytea not null,
    person bigint not null unique
);

-- What is counted, and where: the running sums that `progress` reads. A person counts once a year, language and rung,
-- in the cell of one registration; own_*: the same among the institution's own registrations alone. Only count.sql
-- writes this table and the three behind it; reconcile() tells whether they are what the registrations say.
create table cell (
    cell integer primary key,
    year integer not null,
    language text not null,
    institution text not null,
    province text not null,                         -- '' where the institution has none
    level text not null,
    exam text not null,
    month date not null,                            -- its first day
    registered integer not null default 0 check (registered >= 0),
    seated integer not null default 0 check (seated >= 0),
    sat integer not null default 0 check (sat >= 0),
    passed integer not null default 0 check (passed >= 0),
    certified integer not null default 0 check (certified >= 0),
    own_registered integer not null default 0 check (own_registered >= registered),
    own_seated integer not null default 0 check (own_seated >= seated),
    own_sat integer not null default 0 check (own_sat >= sat),
    own_passed integer not null default 0 check (own_passed >= passed),
    own_certified integer not null default 0 check (own_certified >= certified),
    unique (institution, exam, month, year, language, level, province)
) with (fillfactor = 50);
create index on cell (year, language);

-- Every change of a cell, for ever: `as-of` sums it up to a number of the log. A row says that under each of `logs` a
-- registration came onto some of the cell's ten sums (step 1) or went off them (-1): a bit each, 1 registered ...
-- 16 certified, 32 own_registered ... 512 own_certified. One write may stand in `logs` more than once.
create table tally (
    cell integer not null references cell,
    sums smallint not null check (sums between 1 and 1023),
    step smallint not null check (step in (1, -1)),
    logs bigint[] not null check (cardinality(logs) > 0) -- ascending
);
create index on tally (cell);

-- The nation's sums when a day began, for the days on which they changed: what a college sees until that day is over.
create table day_opening (
    day date not null,
    year integer not null,
    language text not null,
    registered integer not null,
    seated integer not null,
    sat integer not null,
    passed integer not null,
    certified integer not null,
    primary key (day, year, language)
);

-- The registrations of a college for a session, which count in one cell.
create table contingent (
    session text not null references session,
    college text not null references institution,
    cell integer not null references cell,
    primary key (session, college)
);

create table registration (
    session text not null,
    college text not null,
    student_hash bytea not null,
    again integer not null check (again >= 1),
    person bigint not null,
    state text not null check (state in ('seated', 'waiting', 'withdrawn', 'moved', 'cancelled')),
    entered bigint not null,                        -- number of its `register` or `move`: the order of the queue
    name bytea not null,
    born bytea not null,
    elective text references elective,
    needs bytea,
    reason text,
    reached smallint not null default 0,            -- rung known beyond `seated`: 0, 3 sat, 4 passed, 5 certified
    counted smallint not null default 0,            -- the sums of its cell that it is on: bits as in `tally`
    log bigint not null,
    primary key (session, college, student_hash, again),
    foreign key (session, college) references contingent,
    foreign key (college, student_hash) references student,
    check (counted between 0 and 1023 and counted & 31 & ~(counted >> 5) = 0) -- the nation's are among its own
) with (fillfactor = 80);
create unique index registration_live on registration (session, college, student_hash)
    where state in ('seated', 'waiting');
create index registration_waiting on registration (session, entered) where state = 'waiting';
create index registration_person on registration (person);
create unique index registration_entered on registration (entered); -- the order of `registrations`

-- Blocks of lines that were sent under a name, so that the same again runs nothing.
create table submission (
    party text not null,
    name text not null,
    sha256 text,                                    -- of the file they came from, as the client says
    lines bytea not null check (length(lines) = 32), -- HMAC of the lines
    accepted integer not null check (accepted >= 0),
    log bigint not null,                            -- no key to audit, whose row comes behind this one
    primary key (party, name)
);
create index on submission (party, log);

-- What each `target` said; the newest of its year, language and rung counts. Kept, so that `as-of` tells the old ones.
create table target (
    year integer not null,
    language text not null,
    rung text not null,
    count integer not null check (count >= 0),
    log bigint not null,
    primary key (year, language, rung, log)
);

------------------------------------------------------------------------------------------------ the first rows

insert into log_head (log, head, time, day) values (0, decode(repeat('00', 32), 'hex'), '-infinity', '-infinity');
