-- Certificates: who speaks for whom, from when, until when.
begin;
select plan(46);
select say('ADMIN', 'admin', 'institution code=25LU name=Alfa kind=college country=NL',
                             'institution code=25LW name=Noorderpoort kind=college country=NL');
create temp table word as select repeat('a', 64) as one, repeat('b', 64) as two, repeat('c', 64) as ca, repeat('d',
    64) as other_ca,
                                 '00000007000025LU00000' as oin;
create function pg_temp.admin(line text) returns text language sql as $$
    select say('ADMIN', 'admin', replace(replace(replace(replace(line, '$one', one), '$two', two), '$ca', ca), '$oin',
        '00000007000250000000'))
    from word
$$;
create function pg_temp.speaks(print text, ca text default null, oin text default null) returns text language sql as $$
    select concat_ws(' ', code, party, role) from admit(decode(print, 'hex') || coalesce(decode(ca, 'hex')
        || convert_to(oin, 'UTF8'), ''), 0)
$$;

-- by fingerprint
select is(pg_temp.speaks(one), 'not-granted', 'an unknown certificate speaks for nobody') from word;
select is(pg_temp.admin('grant party=25LU role=roc fingerprint=$one'), 'OK state=granted', 'a grant');
select is(pg_temp.speaks(one), '25LU roc', 'and it speaks at once') from word;
select is(pg_temp.admin('grant party=25LU role=roc fingerprint=$one'), 'OK state=granted repeated=yes',
          'the same again is a repeat');
select is(pg_temp.admin('grant party=25LU role=roc fingerprint=$one seen=0'), 'OK state=granted repeated=yes',
          'whatever it has seen');
select is(pg_temp.admin('grant party=25LU role=roc fingerprint=$one label=new seen=0'),
          'NO changed last=' || log, 'an amendment that has not seen the newest is refused') from access
              where fingerprint = decode(repeat('a', 64), 'hex');
select is(pg_temp.admin('grant party=25LU role=roc fingerprint=$one label=Desk'), 'OK state=granted amended=yes',
          'a label');
select is(pg_temp.admin('grant party=25LU role=roc fingerprint=$one label=-'), 'OK state=granted amended=yes',
          'cleared');
select is(pg_temp.admin('grant party=25LU role=roc fingerprint=$one label=-'), 'OK state=granted repeated=yes',
          'cleared again');
select is(pg_temp.admin('grant party=25LW role=roc fingerprint=$one'), 'NO taken field=fingerprint',
          'another party cannot have it');
select is(pg_temp.admin('grant party=99XX role=roc fingerprint=$two'), 'NO not-found field=party',
          'a college must be known');
select is(pg_temp.admin('grant party=25LU role=ocw fingerprint=$two'), 'NO range field=role',
          'a college does not see what the ministry does');
select is(pg_temp.admin('grant party=25LU role=roc fingerprint=$one again=2'), 'NO again field=again',
          'a fingerprint has one attempt');
select is(pg_temp.admin('grant party=25LU role=roc'), 'NO range field=fingerprint', 'a grant names a certificate');
select is(pg_temp.admin('grant party=25LU role=roc fingerprint=$two oin=$oin issuer=$ca'), 'NO range field=fingerprint',
          'in one way');
select is(pg_temp.admin('grant party=25LU role=roc oin=$oin'), 'NO range field=issuer', 'an OIN with its CA');

-- revoked: for ever
select is(pg_temp.admin('revoke fingerprint=$one'), 'OK state=revoked', 'a revocation');
select is(pg_temp.speaks(one), 'revoked', 'and it is dead at once') from word;
select is(pg_temp.admin('revoke fingerprint=$one'), 'OK state=revoked repeated=yes', 'once more is a repeat');
select is(pg_temp.admin('grant party=25LU role=roc fingerprint=$one'), 'NO revoked field=fingerprint',
          'a late grant does not bring it back');
select is(pg_temp.admin('revoke fingerprint=$two'), 'OK state=revoked', 'one that was never granted can be revoked');
select is(pg_temp.admin('grant party=25LU role=roc fingerprint=$two'), 'NO revoked field=fingerprint',
          'and never will be');

-- by OIN
select is(pg_temp.admin('revoke oin=$oin issuer=$ca'), 'NO not-found field=oin', 'there is nothing to revoke yet');
select is(pg_temp.admin('grant party=25LU role=roc oin=$oin issuer=$ca again=2'), 'NO again field=again',
          'the first attempt is 1');
select is(pg_temp.admin('grant party=25LU role=roc oin=$oin issuer=$ca'), 'OK state=granted', 'a grant by OIN');
select is(pg_temp.admin('grant party=25LU role=roc oin=$oin issuer=$ca again=2'), 'NO again field=again',
          'no second while the first lives');
select is(pg_temp.admin('grant party=25LW role=roc oin=$oin issuer=$ca'), 'NO taken field=oin',
          'an OIN is one party''s');
select is(pg_temp.speaks(repeat('e', 64), ca, '00000007000250000000'), '25LU roc',
          'any certificate of that CA with that OIN speaks') from word;
select is(pg_temp.speaks(repeat('e', 64), other_ca, '00000007000250000000'), 'not-granted', 'of another CA it does not')
          from word;
select is(pg_temp.speaks(one, ca, '00000007000250000000'), 'revoked', 'a revoked fingerprint is dead under an OIN too')
          from word;
select is(pg_temp.admin('grant party=OCW role=ocw fingerprint=' || repeat('e', 64)), 'OK state=granted',
          'a fingerprint of its own');
select is(pg_temp.speaks(repeat('e', 64), ca, '00000007000250000000'), 'OCW ocw', 'outranks the OIN') from word;
select is(pg_temp.admin('revoke oin=$oin issuer=$ca'), 'OK state=revoked', 'an OIN ends');
select is(pg_temp.speaks(repeat('f', 64), ca, '00000007000250000000'), 'revoked', 'and speaks no more') from word;
select is(pg_temp.admin('grant party=25LU role=roc oin=$oin issuer=$ca'), 'NO ended again=2',
          'a late grant does not bring it back');
select is(pg_temp.admin('grant party=25LW role=roc oin=$oin issuer=$ca again=2'), 'OK state=granted again=2',
          'the next attempt does');
select is(pg_temp.admin('revoke oin=$oin issuer=$ca'), 'OK state=revoked repeated=yes',
          'a late revocation does not end the second');
select is(pg_temp.speaks(repeat('f', 64), ca, '00000007000250000000'), '25LW roc', 'which speaks') from word;
select is(pg_temp.admin('grant party=25LU role=roc oin=$oin issuer=$ca'), 'NO ended again=2',
          'attempt 1 has ended, 2 is the one to ask for');

-- what people and daemons are told
select is((select count(*) from news(0) where (fingerprint is not null or oin is not null) and party is null), 3::bigint,
          'news tells every revocation once');
select is((select array_agg(concat_ws(' ', party, role) order by party, role) from news(0) where party is not null),
          (select array_agg(concat_ws(' ', party, role) order by party, role) from access where revoked is null and log > 0),
          'and every grant that holds: whoever speaks otherwise by it must go');
select is((select count(*) from news((select max(log) from log_head)) where fingerprint is null and oin is null),
          1::bigint, 'and always one row more');
select is((select string_agg(split_part(answer, ' log=', 1), E'\n' order by answer) from tests.call('ADMIN', 'admin',
          array['certificates oin=00000007000250000000'])),
          '= party=25LW role=roc oin=00000007000250000000 issuer=' || repeat('c', 64) || ' state=granted again=2',
              'the list shows the newest attempt');

-- a certificate is looked at again for every line, also of its own call
select is((select string_agg(answer, ' | ' order by ord) from tests.call('SECOND', 'admin', array[
               'revoke fingerprint=' || encode(tests.fingerprint('SECOND', 'admin'), 'hex'),
               'revoke fingerprint=' || repeat('9', 64)])),
          'OK state=revoked | NO revoked', 'who revokes himself is refused the next line of the same call');
select ok(not exists (select from revoked_fingerprint where fingerprint = decode(repeat('9', 64), 'hex')),
    'and that line had no effect');
select tests.admitted('GONE', 'admin');
update access set revoked = 1 where party = 'GONE';
select is_empty($$select verb, said from tests.command, tests.say('GONE', 'admin', verb) said
                  where said is distinct from 'NO revoked'$$, 'who is revoked is refused whatever he asks');

select * from finish();
rollback;
