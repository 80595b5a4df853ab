"""Institutions, and the certificates that speak for them."""
from harness.model.base import Answer, Record, kept, no, wires


class Parties:
    def __init__(self, *rest):
        super().__init__(*rest)
        self.institutions = {}  # code: Record
        self.grants = {}        # fingerprint, or (oin, issuer): attempts
        self.dead = {}          # revoked fingerprint: number

    # --- institutions

    def institution(self, _, given, log):
        stored = self.institutions.get(given["code"])
        wanted = {"name": given["name"], "kind": given["kind"], "country": given["country"]}
        for name in ("province", "region", "place", "board", "from", "numbers"):
            wanted[name] = kept(given, name, getattr(stored, name, None))
        if stored and stored.same(wanted):
            return Answer(repeated=True)
        faults = []
        if stored and self.stale(given, stored.log):
            faults.append("changed")
        if stored and wanted["from"] and stored.until and wanted["from"] > stored.until:
            faults.append("range:from")
        if wanted["province"] and wanted["country"] != "NL":
            faults.append("range:province")
        if faults:
            return no(*faults, last=stored and stored.log)
        self.changes("amended" if stored else "OK")
        if not stored:
            stored = self.institutions[given["code"]] = Record(code=given["code"], until=None, successor=None)
            vars(stored).update(wanted, log=log)
            return Answer()
        vars(stored).update(wanted, log=log)
        return Answer(amended=True)

    def institution_end(self, _, given, log):
        stored = self.institutions.get(given["code"])
        if not stored:
            return no("not-found:code")
        heir = kept(given, "successor", stored.successor)
        if (stored.until, stored.successor) == (given["until"], heir):
            return Answer(repeated=True)
        faults = []
        if self.stale(given, stored.log):
            faults.append("changed")
        if getattr(stored, "from") and getattr(stored, "from") > given["until"]:
            faults.append("range:until")
        if heir and heir not in self.institutions:
            faults.append("not-found:successor")
        line = heir
        while line and line != given["code"]:  # nobody succeeds itself, by whatever road
            line = self.institutions[line].successor if line in self.institutions else None
        if line:
            faults.append("range:successor")
        if faults:
            return no(*faults, last=stored.log)
        amended = True if stored.until else None
        self.changes("amended" if amended else "OK")
        stored.until, stored.successor, stored.log = given["until"], heir, log
        return Answer(amended=amended)

    def read_institutions(self, speaker, given):
        return [wires(code=i.code, name=i.name, kind=i.kind, country=i.country, province=i.province, region=i.region,
                      place=i.place, board=i.board, from_=getattr(i, "from"), until=i.until, successor=i.successor,
                      numbers=i.numbers, log=i.log)
                for i in self.institutions.values() if given.get("code", i.code) == i.code]

    # --- certificates

    @staticmethod
    def certificate(given):
        """What a line names by fingerprint, or by OIN and issuer; or the fault of how it does."""
        if ("fingerprint" in given) == ("oin" in given):
            return None, "range:fingerprint"
        if ("oin" in given) != ("issuer" in given):
            return None, "range:issuer"
        return given.get("fingerprint") or (given["oin"], given["issuer"]), None

    def grant(self, _, given, log):
        key, fault = self.certificate(given)
        if fault:
            # Which of the two is told is open where both are wrong.
            return no(fault, *(["range:issuer"] if ("oin" in given) != ("issuer" in given) else []))
        by_print = "fingerprint" in given
        attempts = self.grants.get(key, [])
        newest = attempts[-1] if attempts else None
        kind, wanted = self.kind(given.get("again"), len(attempts), bool(newest and newest.state == "granted"))
        party, role = given["party"], given["role"]
        faults = []
        if by_print and key in self.dead:
            faults.append("revoked:fingerprint")
        if by_print and given.get("again", 1) > 1:
            faults.append("again:again")  # of a fingerprint there is one attempt
        if kind == "ended" and not by_print:
            faults.append("ended")
        if kind == "again":
            faults.append("again:again")
        if kind == "live" and newest.party != party:
            faults.append("taken:fingerprint" if by_print else "taken:oin")
        if not faults and kind == "live" and newest.role == role and kept(given, "label", newest.label) == newest.label:
            return Answer(state="granted", again=self.told_again(len(attempts)), repeated=True)
        if newest and self.stale(given, newest.log):
            faults.append("changed")
        institution = self.institutions.get(party)
        if role in ("roc", "exams") and not institution:
            faults.append("not-found:party")
        if role not in ("roc", "exams") and institution and institution.kind in ("college", "school"):
            faults.append("range:role")
        if faults:
            return no(*faults, again=wanted, last=newest and newest.log)
        if kind == "live":
            self.changes("amended")
            newest.role, newest.label, newest.log = role, kept(given, "label", newest.label), log
            return Answer(state="granted", again=self.told_again(len(attempts)), amended=True)
        self.changes()
        attempts = self.grants.setdefault(key, [])
        attempts.append(Record(party=party, role=role, label=kept(given, "label", None), state="granted", log=log))
        return Answer(state="granted", again=self.told_again(len(attempts)))

    def revoke(self, _, given, log):
        key, fault = self.certificate(given)
        if fault:
            return no(fault, *(["range:issuer"] if ("oin" in given) != ("issuer" in given) else []))
        attempts = self.grants.get(key, [])
        newest = attempts[-1] if attempts else None
        asked = given.get("again", 1)
        if "fingerprint" in given:
            if asked > 1:
                return no("again:again")
            if key in self.dead:
                return Answer(state="revoked", repeated=True)
        else:
            kind, _ = self.kind(asked, len(attempts), bool(newest and newest.state == "granted"))
            if not newest:
                return no("not-found:oin", *(["again:again"] if asked > 1 else []))
            if kind == "ended":
                return Answer(state="revoked", again=self.told_again(asked), repeated=True)
            if kind != "live":
                return no("again:again")
        if newest and self.stale(given, newest.log):
            return no("changed", last=newest.log)
        self.changes()
        if newest:
            newest.state, newest.log = "revoked", log
        if "fingerprint" in given:
            self.dead[key] = log  # for ever, granted before or not
        return Answer(state="revoked", again=self.told_again(asked))

    def read_certificates(self, speaker, given):
        rows = []
        for key, attempts in self.grants.items():
            last = attempts[-1]
            oin, issuer = (None, None) if isinstance(key, str) else key
            rows.append(wires(party=last.party, role=last.role, fingerprint=key if isinstance(key, str) else None, oin=oin,
                              issuer=issuer, label=last.label, state=last.state, again=self.told_again(len(attempts)),
                              log=last.log))
        rows += [wires(fingerprint=key, state="revoked", log=log) for key, log in self.dead.items() if key not in self.grants]
        return [row for row in rows if all(row.get(name) == given[name] for name in ("party", "fingerprint", "oin", "issuer")
                                           if name in given)]
