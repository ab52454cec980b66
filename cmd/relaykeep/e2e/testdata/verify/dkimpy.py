"""Verifies every DKIM-Signature of every message in a folder with dkimpy.

    dkimpy.py FOLDER KEYS.json

FOLDER holds messages as NAME.eml, KEYS.json the DNS records by their names.
Prints a JSON object a message: {"name": …, "signatures": [{"domain", "selector",
"algorithm", "good", "why"}]}.
"""
import json
import pathlib
import sys

import dkim


def signatures(message, records):
    def lookup(name, timeout=5):
        record = records.get(name.decode().rstrip("."))
        return record and record.encode()

    headers, _ = dkim.rfc822_parse(message)
    for i in range(sum(1 for name, _ in headers if name.lower() == b"dkim-signature")):
        d = dkim.DKIM(message)
        why = ""
        try:
            good = d.verify(idx=i, dnsfunc=lookup)
        except dkim.DKIMException as e:
            good, why = False, str(e)
        fields = {k.decode(): v.decode() for k, v in d.signature_fields.items()}
        yield {
            "domain": fields.get("d", ""),
            "selector": fields.get("s", ""),
            "algorithm": fields.get("a", ""),
            "good": bool(good),
            "why": why,
        }


records = json.loads(pathlib.Path(sys.argv[2]).read_text())
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.eml")):
    print(json.dumps({"name": path.stem, "signatures": list(signatures(path.read_bytes(), records))}))
