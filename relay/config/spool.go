package config

import (
	"errors"
	"path/filepath"
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
	sp.Backup = readBackup(s.block("backup"), filepath.Dir(sp.Path))
	s.end()
	return sp
}

// readBackup reads the block backup, nil where there is none. Backups lie beside
// the spool unless they are told where.
func readBackup(s *section, beside string) *Backup {
	b := &Backup{
		Every:  read(s, "every", day, backupInterval),
		Keep:   s.count("keep", 7, 1, 1000),
		Folder: s.file("path", filepath.Join(beside, "backup")),
	}
	s.end()
	if !s.written {
		return nil
	}
	return b
}

var errBackupInterval = errors.New("is too short; a backup reads the whole spool, write 1m at least")

func backupInterval(text string) (time.Duration, error) {
	d, err := relay.ParseDuration(text)
	if err == nil && d < time.Minute {
		err = errBackupInterval
	}
	return d, err
}
