// Package admin is the door for the operator: a JSON API over HTTP on a unix
// socket, the client that the commands use, and the same calls on the spool of
// a stopped daemon.
//
// # The API
//
// docs/api.md tells the same with every key.
//
// Whoever may open the socket may use it; its mode and group are the only
// access control. All answers are JSON in UTF-8 but for the raw message.
//
//	GET /v1/version              {"version": "1.2.3", "go": "go1.26.0"}
//	GET /v1/status               the daemon at a glance: {"status": "fine", "reasons": [], …}
//	GET /v1/messages?FILTERS     a message object per line (application/x-ndjson), oldest first
//	GET /v1/messages/{id}        a message object with its events
//	GET /v1/messages/{id}/raw    the message as stored (message/rfc822), CRLF line ends
//	POST /v1/messages/{action}?FILTERS   acts on the recipients that the filters select, without any on all
//	                             unfinished ones: retry, hold, release, delete, bounce, redirect
//	                             (with redirect_to=ADDRESS beside the filters). {"action": "hold", "messages": 1, "recipients": 2, "sending": 0, "unfit": 0}
//	GET /v1/events               an event object per line as it happens, until the client has enough or the daemon stops;
//	                             who reads too slowly for long is dropped, with an error as its last line
//	GET /v1/stats                counts, ages and sizes of the spool, and what was mended in the mail of which client
//
//	GET /v1/spool/backup         a copy of the whole spool as it is at one moment, itself a spool file
//	                             (application/octet-stream); whole only with all of its Content-Length
//	GET /v1/spool/verify         reads the whole spool: now and then a line {"done": 1, "total": 9} of bytes, then
//	                             {"report": {"messages": 1, "history": 2, "body_bytes": 3, "pages": 4, "problems": ["…"], "more": 0, "partial": false}}
//
//	GET  /v1/upstreams                an upstream object per line, in the order of the configuration
//	POST /v1/upstreams/{name}/probe   tries it without mail, within a minute: {"upstream": "ses", "ok": true, "verdict": {…}}
//	POST /v1/upstreams/{name}/pause   stops sending to it: {"changed": true, "upstream": {…}}
//	POST /v1/upstreams/{name}/resume  sends to it again; the same answer
//
//	GET  /v1/incidents[?all=1]        an incident object per line, by number: the open ones, or all
//	GET  /v1/incidents/{id}           an incident object
//	POST /v1/incidents/{id}/resolve   closes it and releases what it held: {"incident": {…}, "released": 12}
//
//	POST /v1/reload                   reads the configuration again: {"changes": ["upstream ses has changed"], "restart": [], "warnings": []};
//	                                  one that is not valid is refused with 422 and {"error": "…", "diagnostics": [{…}]}, and the old one lives on
//
// A message object is [Message], an event in it [Event], an event by itself [LiveEvent], an upstream object
// [Upstream], an incident object [Incident], the counts are [Stats], the glance is [Status]. A POST
// has no body; each that changed something, and each probe, is told with who
// made it in an event of the kind operator, as is each backup and verification. Times are RFC 3339 in UTC, to the millisecond; a time that does not
// apply is null.
//
// Filters are combined by and, and matched against recipients: a message is
// listed when one of its recipients meets them all. Without any, the
// unfinished messages are listed.
//
//	id          a message; several may be given
//	state       queued, sending, delivered, bounced, expired, held, deleted, or any; several may be given
//	upstream    the one to be asked next while queued, else the last one that was asked
//	route       by name
//	from, to    a glob (* ? [a-z]) of the envelope address, without regard to case
//	message_id  the Message-ID field, with or without angle brackets
//	remote_id   what the provider called the message
//	older       received longer ago than this ("30s", "10m", "4h", "5d"), or before this time (RFC 3339)
//	newer       received since then
//	code        the last reply code: 550, or a class as in 4xx
//	limit       at most so many messages
//
// # Errors
//
// An error is {"error": "one line"} with a fitting status: 400 for what is
// malformed (an id, a filter), 404 for what does not exist, 405 for a wrong
// method, 409 for an incident that is closed already, 410 for a body that is
// not kept any more, 503 while the spool is closed or too many watch, 500 for the rest. An error in the middle of a list is its last line;
// one in the middle of a raw message breaks the connection off, so that what
// came is never taken for the whole.
//
// # Bounds
//
// At most 32 connections are served at once, others wait. Lists and raw
// messages are streamed in flat memory. A client that does not read for
// 30 seconds loses its connection.
package admin
