"""The heads of the log, computed a second time, from the fields of the `audit` reply: see PROTOCOL.md."""
import hashlib

FIELDS = ("log", "time", "party", "certificate", "origin", "verb", "fields", "outcome")


def text_of(row):
    """A row (values in the order of FIELDS, None for absent) as it stands under a head."""
    return b"".join(b"-," if value is None else b"%d:%s," % (len(value), value)
                    for value in (None if value is None else str(value).encode() for value in row))


def compute(rows, heads):
    """Follows the log. `rows` are all its rows from the first; `heads` is {number: head} with the heads that are claimed.
    Asserts that each is right and that the last row has one; returns the last head."""
    head, text, last = bytes(32), b"", None
    for row in rows:
        text += text_of(row)
        last = int(row[0])
        if last in heads:
            head = hashlib.sha256(head + text).digest()
            assert head.hex() == heads[last], f"the head of {last} is not that of its rows"
            text = b""
    assert text == b"", f"no head covers {last}"
    return head.hex()
