-- Which certificates speak for whom: granted by fingerprint, or by OIN and issuing CA. A revoked fingerprint is dead
-- for ever, granted before or not; an OIN may come back as a new attempt.

-- What is wrong with the name of a certificate: exactly one of a fingerprint, and an OIN with its issuer.
create function certificate_fault(fingerprint_ text, oin_ text, issuer_ text) returns text language sql immutable as $$
    select case when (fingerprint_ is null) = (oin_ is null) then 'fingerprint'
                when (oin_ is null) <> (issuer_ is null) then 'issuer' end
$$;

create function "grant"(party_ text, role_ text, certificate_ bytea,
                        for_party text, for_role text, fingerprint_ text, oin_ text, issuer_ text, label_ text,
                        again_ integer, seen_ bigint)
returns table (code text, field text, state text, again integer, repeated boolean, amended boolean, last bigint)
language plpgsql as $$
#variable_conflict use_column
declare
    print bytea := decode(fingerprint_, 'hex');
    ca bytea := decode(issuer_, 'hex');
    newest access;
    kind text;
begin
    select * into newest from access
    where fingerprint = print or (oin = oin_ and issuer = ca)
    order by access.again desc limit 1;
    kind := attempt_kind(again_, newest.again, newest.revoked is null);
    if certificate_fault(fingerprint_, oin_, issuer_) is not null then
        code := 'range';
        field := certificate_fault(fingerprint_, oin_, issuer_);
    elsif exists (select from revoked_fingerprint where fingerprint = print) then
        code := 'revoked';
        field := 'fingerprint';
    elsif kind = 'again' then
        code := 'again';
        field := 'again';
    elsif kind = 'ended' then
        code := 'ended';
        again := newest.again + (newest.revoked is not null)::integer;
    elsif kind = 'live' and newest.party <> for_party then
        code := 'taken';
        field := case when print is null then 'oin' else 'fingerprint' end;
    elsif kind = 'live' and newest.role = for_role
          and newest.label is not distinct from or_stored(label_, newest.label) then
        repeated := true;
    elsif newest.log > seen_ then
        code := 'changed';
        last := newest.log;
    elsif for_role in ('roc', 'exams') and not exists (select from institution where institution.code = for_party) then
        code := 'not-found';
        field := 'party';
    elsif for_role not in ('roc', 'exams')
          and exists (select from institution where institution.code = for_party and kind in ('college', 'school')) then
        code := 'range';
        field := 'role';
    elsif kind = 'live' then
        update access set role = for_role, label = or_stored(label_, newest.label), log = running_log()
        where (fingerprint = print or (oin = oin_ and issuer = ca)) and access.again = newest.again;
        amended := true;
    else
        newest.again := coalesce(again_, 1);
        insert into access (party, role, fingerprint, oin, issuer, label, again, granted, log)
        values (for_party, for_role, print, oin_, ca, or_stored(label_, null), newest.again,
                running_log(), running_log());
    end if;
    if code is null then
        state := 'granted';
        again := nullif(newest.again, 1);
    end if;
    return next;
end
$$;

create function revoke(party_ text, role_ text, certificate_ bytea,
                       fingerprint_ text, oin_ text, issuer_ text, again_ integer, seen_ bigint)
returns table (code text, field text, state text, again integer, repeated boolean, last bigint) language plpgsql as $$
#variable_conflict use_column
declare
    print bytea := decode(fingerprint_, 'hex');
    ca bytea := decode(issuer_, 'hex');
    newest access;
    kind text;
begin
    select * into newest from access
    where fingerprint = print or (oin = oin_ and issuer = ca)
    order by access.again desc limit 1;
    kind := attempt_kind(again_, newest.again, newest.revoked is null);
    if certificate_fault(fingerprint_, oin_, issuer_) is not null then
        code := 'range';
        field := certificate_fault(fingerprint_, oin_, issuer_);
    elsif print is not null and coalesce(again_, 1) <> 1 then
        code := 'again';
        field := 'again';
    elsif exists (select from revoked_fingerprint where fingerprint = print) then
        repeated := true;
    elsif print is null and newest.again is null then
        code := 'not-found';
        field := 'oin';
    elsif kind = 'ended' then
        repeated := true;
    elsif print is null and kind <> 'live' then
        code := 'again';
        field := 'again';
    elsif newest.log > seen_ then
        code := 'changed';
        last := newest.log;
    else
        update access set revoked = running_log(), log = running_log()
        where (fingerprint = print or (oin = oin_ and issuer = ca)) and access.again = newest.again;
        if print is not null then
            insert into revoked_fingerprint (fingerprint, log) values (print, running_log());
        end if;
    end if;
    if code is null then
        state := 'revoked';
        again := nullif(coalesce(again_, 1), 1);
    end if;
    return next;
end
$$;

-- The newest attempt of each grant, and the fingerprints that were revoked without one.
create function certificates(party_ text, role_ text, certificate_ bytea,
                             only_party text, only_fingerprint text, only_oin text, only_issuer text,
                             after_ text, limit_ integer)
returns table (code text, field text, party text, role text, fingerprint text, oin text, issuer text, label text,
               state text, again integer, log bigint, after text)
language plpgsql stable as $$
#variable_conflict use_column
begin
    return query
        select null, null, c.party, c.role, c.fingerprint, c.oin, c.issuer, c.label, c.state, nullif(c.again, 1),
               c.log, c.key
        from (
            select a.party, a.role, encode(a.fingerprint, 'hex') as fingerprint, a.oin,
                   encode(a.issuer, 'hex') as issuer,
                   a.label, case when a.revoked is null then 'granted' else 'revoked' end as state, a.again, a.log,
                   coalesce(encode(a.fingerprint, 'hex'), a.oin || ':' || encode(a.issuer, 'hex')) as key
            from access a
            where not exists (select from access later
                              where later.oin = a.oin and later.issuer = a.issuer and later.again > a.again)
            union all
            select null, null, encode(dead.fingerprint, 'hex'), null, null, null, 'revoked', 1, dead.log,
                   encode(dead.fingerprint, 'hex')
            from revoked_fingerprint dead
            where not exists (select from access where access.fingerprint = dead.fingerprint)
        ) c
        where (only_party is null or c.party = only_party)
          and (only_fingerprint is null or c.fingerprint = only_fingerprint)
          and (only_oin is null or c.oin = only_oin)
          and (only_issuer is null or c.issuer = only_issuer)
          and c.key > coalesce(after_, '')
        order by c.key
        limit limit_;
end
$$;
