-- Blocks that were sent under a name: kept in their own transaction, so that the same block again runs nothing.

-- What is stored of a party under a name: 'new' nothing, or lines that nobody knows any more (a rekey), 'same' these
-- lines (by their HMAC), 'other' other ones. The
-- daemon asks it first in a block's transaction, under the lock that batch_open took.
create function submitted(party_ text, role_ text, certificate_ bytea, name_ text, lines_ bytea)
returns table (code text, field text, state text, accepted integer, log bigint) language plpgsql stable rows 1 as $$
#variable_conflict use_column
begin
    select case when s.lines = lines_ then 'same' else 'other' end, s.accepted, s.log into state, accepted, log
    from submission s
    where s.party = party_ and s.name = name_ and s.lines is not null;
    state := coalesce(state, 'new');
    return next;
end
$$;

-- The end of a block that stays: a write with a number of its own behind those of its lines. Each line had its certificate
-- looked at; of a block without lines that is done here.
create function commit(party_ text, role_ text, certificate_ bytea,
                       name_ text, sha256_ text, lines_ bytea, accepted_ integer)
returns table (code text, field text, accepted integer) language plpgsql as $$
#variable_conflict use_column
begin
    if accepted_ = 0 and not certificate_live(party_, role_, certificate_) then
        code := 'revoked';
    elsif name_ is not null then
        insert into submission (party, name, sha256, lines, accepted, log)
        values (party_, name_, sha256_, lines_, accepted_, running_log())
        on conflict on constraint submission_pkey do update -- one of before a rekey
        set sha256 = excluded.sha256, lines = excluded.lines, accepted = excluded.accepted, log = excluded.log
        where submission.lines is null;
    end if;
    accepted := accepted_;
    return next;
end
$$;

-- A party's own, in the order in which they came.
create function submissions(party_ text, role_ text, certificate_ bytea, only_name text, after_ text, limit_ integer)
returns table (code text, field text, name text, sha256 text, accepted integer, "time" text, log bigint, after text)
language plpgsql stable as $$
#variable_conflict use_column
begin
    if after_ is not null and token_number(after_, 1) is null then
        code := 'range';
        field := 'after';
        return next;
        return;
    end if;
    return query
        select null, null, s.name, s.sha256, s.accepted, wire_time(a.time), s.log, s.log::text
        from submission s join audit a on a.log = s.log
        where s.party = party_ and (only_name is null or s.name = only_name)
          and s.log > coalesce(token_number(after_, 1), 0)
        order by s.log
        limit limit_;
end
$$;
