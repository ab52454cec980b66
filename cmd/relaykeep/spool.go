package main

// spoolCmd holds the commands about the mail in the spool.
type spoolCmd struct {
	List  spoolListCmd  `cmd:"" help:"List messages: the unfinished ones, or what the filters select."`
	Show  spoolShowCmd  `cmd:"" help:"Show one message: what happened to it, and why."`
	Stats spoolStatsCmd `cmd:"" help:"Count what is in the spool."`
}
