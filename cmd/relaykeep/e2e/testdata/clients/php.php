<?php
// Sends the letter of a test by mail(), which calls sendmail.
$letter = json_decode(file_get_contents("php://stdin"), true);
$word = fn($s) => "=?UTF-8?B?" . base64_encode($s) . "?=";
$headers = [
    "From" => $word($letter["name"]) . " <{$letter['from']}>",
    "Cc" => $letter["cc"],
    "Bcc" => $letter["bcc"],
    "MIME-Version" => "1.0",
    "Content-Type" => 'multipart/mixed; boundary="=_parts"',
];
$name = $word(basename($letter["file"]));
$body = "--=_parts\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    . str_replace("\n", "\r\n", $letter["text"])
    . "--=_parts\r\nContent-Type: application/octet-stream; name=\"$name\"\r\nContent-Transfer-Encoding: base64\r\n"
    . "Content-Disposition: attachment; filename=\"$name\"\r\n\r\n"
    . chunk_split(base64_encode(file_get_contents($letter["file"])))
    . "--=_parts--\r\n";
$to = implode(", ", array_map(fn($a) => $word("Empfänger") . " <$a>", $letter["to"]));
if (!mail($to, $word($letter["subject"]), $body, $headers, "-f" . $letter["from"])) {
    exit(1);
}
