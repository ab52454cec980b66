// Sends the letter of a test by nodemailer: over SMTP, or by the command
// sendmail where one is named.
const path = require("node:path");
const { createRequire } = require("node:module");
const nodemailer = createRequire(path.join(__dirname, "../node/"))("nodemailer");

const letter = JSON.parse(require("node:fs").readFileSync(0));
const transport = nodemailer.createTransport(
  process.argv[2]
    ? { sendmail: true, path: process.argv[2] }
    : { host: letter.host, port: letter.port, secure: false, ignoreTLS: true, name: "client.test" },
);
transport
  .sendMail({
    from: { name: letter.name, address: letter.from },
    to: letter.to.map((address) => ({ name: "Empfänger", address })),
    cc: letter.cc,
    bcc: letter.bcc,
    subject: letter.subject,
    text: letter.text,
    attachments: [{ path: letter.file, contentType: "application/octet-stream" }],
  })
  .catch((err) => {
    console.error(err);
    process.exitCode = 1;
  });
