#!/bin/sh
# deb: remove | purge | upgrade; rpm: 0 at removal, 1 at an upgrade.
set -e

if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
fi
case "$1" in
remove | purge | 0)
	# There may be mail in it that nobody else has.
	if [ -e /var/lib/relaykeep/spool.db ]; then
		echo "relaykeep: the spool is kept in /var/lib/relaykeep: it may hold mail that was not delivered" >&2
	fi
	;;
esac
