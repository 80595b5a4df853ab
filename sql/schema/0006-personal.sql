-- Personal data can go: by `erase` for one student, by `retention` when its time is over. What was counted stays.

-- A look-up that was erased keeps the person it led to, without the number: `student` is NULL, and in place of the HMAC
-- stands a hash of nothing that anybody knows. Its registrations keep their places, without what was sealed in them.
alter table student alter student drop not null;
alter table registration
    alter name drop not null,
    alter born drop not null,
    drop constraint registration_college_student_hash_fkey,
    add foreign key (college, student_hash) references student on update cascade,
    add check ((name is null) = (born is null));

-- One live attempt, as before; and the registrations of a student number, which `erase` changes together, by index.
drop index registration_live;
create unique index registration_lives on registration
    (college, student_hash, session, (case when state in ('seated', 'waiting') then 0 else again end));

-- Why somebody withdrew, which tells of a person as much as a name does. `registration.reason` is where earlier versions
-- wrote it as it came.
create table withdrawal (
    entered bigint primary key references registration (entered),
    reason bytea not null
);

-- No sample of these values for the planner, which never looks for one: statistics outlive what they were taken of.
alter table student alter student set statistics 0;
alter table eckid alter eckid set statistics 0;
alter table attendance alter irregularity set statistics 0;
alter table registration
    alter name set statistics 0,
    alter born set statistics 0,
    alter needs set statistics 0;
alter table withdrawal alter reason set statistics 0;

-- How long sealed data stays: one row once it was said, `months` NULL for ever. The other columns are how far the
-- registry is with what is due: all until `done`, and in the session that it is at, the registrations up to `entered`.
create table retention (
    one boolean primary key default true check (one),
    months integer check (months >= 1),
    log bigint not null,
    done date,
    session text references session,
    entered bigint
);

-- The session's `log` when nothing was left in it that was due. It is looked at again when it has another.
alter table session add cleared bigint;
create index session_date on session (date);

-- What a college was told of a registration is part of what is held on its student.
create index on inbox (entered) where entered is not null;
