-- Signature first; the body follows.
create function recount(logs_ bigint[], persons_ bigint[]) returns void language plpgsql as $$
begin
end
$$;
