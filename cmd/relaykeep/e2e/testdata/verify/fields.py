"""Tells how Python's parser reads messages.

    fields.py FOLDER

FOLDER holds messages as NAME.eml. Prints a JSON object a message: {"name": …,
"fields": [[name, value]], "from": [address], "reply_to": [address], "type": …,
"parts": [type], "reports": [[[name, value]]], "defects": […]}. The values are
raw, reports are the blocks of fields of a message/delivery-status.
"""
import email
import email.policy
import email.utils
import json
import pathlib
import sys


def raw(value):
    return " ".join(str(value).encode("ascii", "surrogateescape").decode("utf-8", "replace").split())


def addresses(message, name):
    return [address for _, address in email.utils.getaddresses([raw(v) for v in message.get_all(name, [])])]


def defects(part):
    found = [type(d).__name__ for d in part.defects]
    if part.is_multipart():
        for p in part.get_payload():
            found += defects(p)
    return found


def reports(message):
    for part in message.walk():
        if part.get_content_type() == "message/delivery-status":
            for block in part.get_payload():
                yield [[n, raw(v)] for n, v in block.items()]


for path in sorted(pathlib.Path(sys.argv[1]).glob("*.eml")):
    m = email.message_from_bytes(path.read_bytes(), policy=email.policy.compat32)
    print(json.dumps({
        "name": path.stem,
        "fields": [[n, raw(v)] for n, v in m.items()],
        "from": addresses(m, "from"),
        "reply_to": addresses(m, "reply-to"),
        "type": m.get_content_type(),
        "parts": [p.get_content_type() for p in m.get_payload()] if m.is_multipart() else [],
        "reports": list(reports(m)),
        "defects": defects(m),
    }))
