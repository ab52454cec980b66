package daemon

import (
	"context"
	"errors"
	"time"

	"relaykeep/relay"
	"relaykeep/relay/backup"
	"relaykeep/spool"
	"relaykeep/spool/bolt"
)

// backups makes them, where that is wanted, until the daemon ends.
func (d *Daemon) backups() {
	c := d.opt.Config.Spool.Backup
	if c == nil {
		return
	}
	backup.New(backup.Options{
		Folder: c.Folder, Every: c.Every, Keep: c.Keep, Instance: d.spool.Instance(),
		Spool: d.spool, Verify: verifyCopy, Told: d.backupMade,
	}).Run(d.alive)
}

func verifyCopy(ctx context.Context, file string) error {
	r, err := bolt.CheckFile(ctx, file, nil)
	if err != nil {
		return err
	}
	return r.Err()
}

// backupCause is that of the one incident of backups.
const backupCause = "backup"

// backupMade tells what became of a backup: one that fails opens an incident,
// and the next that is made closes it.
func (d *Daemon) backupMade(file string, err error) {
	if file != "" {
		d.log.Info("a backup was made", "file", file)
	}
	if err != nil {
		d.log.Error("a backup failed", "error", err.Error())
		d.openBackupIncident("no backup of the spool can be made: " + err.Error())
		return
	}
	if err := d.closeBackupIncident(); err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, spool.ErrClosed) {
		d.log.Error("the incident of the backups could not be closed", "error", err.Error())
	}
}

func (d *Daemon) openBackupIncident(detail string) {
	now := time.Now().UTC()
	i, opened, err := d.spool.OpenIncident(d.alive, relay.Incident{
		Cause: backupCause, Kind: relay.IncidentBackup, OpenedAt: now, Detail: detail,
	})
	if err == nil && opened {
		d.sink.Emit(relay.Event{Kind: relay.EventIncidentOpened, At: now, Incident: i.Number, Detail: i.Detail})
	}
}

// closeBackupIncident closes it where it is open, from before a restart too.
func (d *Daemon) closeBackupIncident() error {
	open, err := d.spool.Incidents(d.alive, false)
	if err != nil {
		return err
	}
	for _, i := range open {
		if i.Cause != backupCause {
			continue
		}
		if _, err := d.spool.CloseIncident(d.alive, i.Number, "a backup that was made"); err != nil {
			return err
		}
		d.sink.Emit(relay.Event{Kind: relay.EventIncidentClosed, At: time.Now().UTC(), Incident: i.Number, Detail: "a backup was made"})
	}
	return nil
}
