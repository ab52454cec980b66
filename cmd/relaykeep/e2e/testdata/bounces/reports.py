"""Reads delivery status notifications with Python's email package.

    reports.py FILE...

Prints a JSON object a file: {"original": Message-ID of the message that is
told of, "recipients": [{"address", "action", "status", "diagnosis"}]}.
"""
import email.parser
import email.policy
import json
import pathlib
import sys


def typed(value):
    """Takes the type off a field like "rfc822; bob@example.net"."""
    return value.partition(";")[2].strip() if value else ""


for name in sys.argv[1:]:
    parser = email.parser.BytesParser(policy=email.policy.default)
    message = parser.parsebytes(pathlib.Path(name).read_bytes())
    assert message.get_content_type() == "multipart/report", message.get_content_type()
    assert message.get_param("report-type") == "delivery-status"
    defects = [str(d) for part in message.walk() for d in part.defects]
    assert not defects, defects
    text, status, returned = message.get_payload()
    assert text.get_content_type() == "text/plain" and text.get_content().strip()
    assert status.get_content_type() == "message/delivery-status"
    of_message, *of_recipients = [b for b in status.get_payload() if b.keys()]
    assert of_message["Reporting-MTA"], of_message.items()
    if returned.get_content_type() == "message/rfc822":
        original = returned.get_payload()[0]
    else:
        assert returned.get_content_type() == "text/rfc822-headers", returned.get_content_type()
        original = parser.parsebytes(returned.get_payload(decode=True))
    print(json.dumps({
        "original": original["Message-ID"],
        "recipients": [{
            "address": typed(r["Final-Recipient"]),
            "action": r["Action"],
            "status": r["Status"],
            "diagnosis": typed(r["Diagnostic-Code"]),
        } for r in of_recipients],
    }))
