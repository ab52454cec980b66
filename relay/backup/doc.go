// Package backup makes backups of the spool by itself, now and then, and removes
// the oldest.
//
// A backup has its name only once it is whole, verified and on disk. Nothing is
// removed but files that carry the name of this very spool, and those only after
// a newer one is there. It reads and writes no faster than Rate, so that mail
// does not suffer.
package backup
