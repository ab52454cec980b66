package config

import (
	"time"

	"relaykeep/relay"
)

const day = 24 * time.Hour

// readSpool reads the block spool.
func readSpool(s *section) Spool {
	sp := Spool{
		Path:        absolute(s.d.folder, read(s, "path", "/var/lib/relaykeep/spool.db", nonEmpty)),
		MaxSize:     read(s, "max_size", 20<<30, positiveSize),
		MinFreeDisk: read(s, "min_free_disk", 512<<20, parseSize),
		History:     read(s, "history", 7*day, relay.ParseDuration),
		NoSync:      !s.boolean("fsync", true),
	}
	sp.KeepFailed = read(s, "keep_failed", min(3*day, sp.History), relay.ParseDuration)
	s.file("encryption_key_file", "")
	if sp.KeepFailed > sp.History && s.entry("keep_failed").state == ready && s.entry("history").state != wrong {
		s.fault("keep_failed", "is longer than history, and nobody could find the mail; make history at least as long")
	}
	if sp.NoSync {
		s.warn("fsync", "mail that was acknowledged is lost when the machine crashes; false is for tests only")
	}
	s.end()
	return sp
}
