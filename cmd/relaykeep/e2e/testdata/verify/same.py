"""Compares what messages say, however they are encoded, by Python's parser.

    same.py FOLDER

FOLDER holds pairs of messages: NAME.sent and NAME.arrived. Prints a JSON object
a pair: {"name": …, "differences": ["…"]}.
"""
import email
import email.policy
import json
import pathlib
import sys

# What a change of the encoding may change, and what it may have to add.
ENCODING = {"content-transfer-encoding"}
ADDED = {"mime-version", "content-type"}


def said(value):
    """A field's value as a person reads it."""
    text = str(value).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return " ".join(text.split())


def fields(part):
    found = {}
    for name, value in part.items():
        if name.lower() not in ENCODING:
            found.setdefault(name.lower().strip(), []).append(said(value))
    return found


def content(part):
    data = part.get_payload(decode=True) or b""
    if part.get_content_maintype() in ("text", "message"):
        return data.replace(b"\r\n", b"\n").rstrip(b"\n")
    return data


def differences(sent, arrived, where="message"):
    before, after = fields(sent), fields(arrived)
    for name in before.keys() | after.keys():
        if name not in before and name in ADDED:
            continue
        if name == "content-type":
            # Its parameters are compared below, as they are understood.
            continue
        if before.get(name) != after.get(name):
            yield f"{where}: {name}: {before.get(name)} became {after.get(name)}"
    if sent.get_content_type() != arrived.get_content_type():
        yield f"{where}: {sent.get_content_type()} became {arrived.get_content_type()}"
    if sent.get_filename() != arrived.get_filename() and said(sent.get_filename()) != said(arrived.get_filename()):
        yield f"{where}: file {sent.get_filename()!r} became {arrived.get_filename()!r}"
    if "content-type" in before and sent.get_content_charset() != arrived.get_content_charset():
        yield f"{where}: charset {sent.get_content_charset()} became {arrived.get_content_charset()}"
    if sent.is_multipart() != arrived.is_multipart():
        yield f"{where}: parts became none, or the other way round"
    elif sent.is_multipart():
        a, b = sent.get_payload(), arrived.get_payload()
        if len(a) != len(b):
            yield f"{where}: {len(a)} parts became {len(b)}"
        for i, (x, y) in enumerate(zip(a, b), 1):
            yield from differences(x, y, f"{where}, part {i}")
    elif content(sent) != content(arrived):
        yield f"{where}: {content(sent)[:200]!r} became {content(arrived)[:200]!r}"


def read(path):
    return email.message_from_bytes(path.read_bytes(), policy=email.policy.default)


for path in sorted(pathlib.Path(sys.argv[1]).glob("*.sent")):
    found = list(differences(read(path), read(path.with_suffix(".arrived"))))
    print(json.dumps({"name": path.stem, "differences": found}))
