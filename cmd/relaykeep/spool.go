package main

// spoolCmd holds the commands about the mail in the spool.
type spoolCmd struct {
	List    spoolListCmd    `cmd:"" help:"List messages: the unfinished ones, or what the filters select."`
	Show    spoolShowCmd    `cmd:"" help:"Show one message: what happened to it, and why."`
	Watch   spoolWatchCmd   `cmd:"" help:"Show what happens, as it happens."`
	Stats   spoolStatsCmd   `cmd:"" help:"Count what is in the spool."`
	Retry   spoolRetryCmd   `cmd:"" help:"Try mail now: what is queued, and what has bounced or expired while its body is kept."`
	Hold    spoolHoldCmd    `cmd:"" help:"Keep mail until it is released; its time stands still."`
	Release spoolReleaseCmd `cmd:"" help:"Send what is held."`
	Backup  spoolBackupCmd  `cmd:"" help:"Copy the spool into a new file, while mail flows or not."`
	Restore spoolRestoreCmd `cmd:"" help:"Make a backup the spool; the daemon is stopped. What it would send is held."`
	Compact spoolCompactCmd `cmd:"" help:"Give the free pages of the file back to the disk; the daemon is stopped."`
	Verify  spoolVerifyCmd  `cmd:"" help:"Read the whole spool, or a backup, and tell whether it is sound; save what is readable."`
	Import  spoolImportCmd  `cmd:"" help:"Submit a message from an RFC 5322 file."`
	Export  spoolExportCmd  `cmd:"" help:"Give a message out as an RFC 5322 file."`
	Delete  spoolDeleteCmd  `cmd:"" help:"Delete mail. Nobody is told."`
	Bounce  spoolBounceCmd  `cmd:"" help:"Give mail up, and tell its sender."`

	Redirect spoolRedirectCmd `cmd:"" help:"Send mail to another address instead."`
}
