# Sends the letter of a test by Python's smtplib, as email.message makes it.
import json
import os
import smtplib
import sys
from email.headerregistry import Address
from email.message import EmailMessage

letter = json.load(sys.stdin)
m = EmailMessage()
m["From"] = Address(letter["name"], addr_spec=letter["from"])
m["To"] = [Address("Empfänger", addr_spec=a) for a in letter["to"]]
m["Cc"] = letter["cc"]
m["Bcc"] = letter["bcc"]
m["Subject"] = letter["subject"]
m.set_content(letter["text"])
with open(letter["file"], "rb") as f:
    m.add_attachment(f.read(), maintype="application", subtype="octet-stream", filename=os.path.basename(letter["file"]))

with smtplib.SMTP(letter["host"], letter["port"], local_hostname="client.test") as s:
    s.send_message(m)
