-- What came of exams: attendance and scores by part, and the certificates with their numbers.

-- Each of a registration, by the number under which it entered, and of a part of its exam.
create table attendance (
    entered bigint not null references registration (entered),
    part text not null,
    status text not null check (status in ('present', 'not-present', 'not-finished')),
    irregularity bytea,
    log bigint not null,
    primary key (entered, part)
);

create table score (
    entered bigint not null references registration (entered),
    part text not null,
    points numeric not null check (points >= 0),
    final boolean not null,
    log bigint not null,
    primary key (entered, part)
);

-- Final scores that were revised, as they were until the write `log`.
create table score_revised (
    entered bigint not null,
    part text not null,
    points numeric not null,
    log bigint not null,
    primary key (entered, part, log),
    foreign key (entered, part) references score
);

-- Numbers of certificates, never used again. The one with the highest `log` is a registration's.
create table certified (
    issuer text not null references institution,
    number text not null,
    entered bigint not null references registration (entered),
    issued date not null,
    log bigint not null,
    primary key (issuer, number)
);
create index on certified (entered);
