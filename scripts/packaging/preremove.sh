#!/bin/sh
# deb: remove | upgrade; rpm: 0 at removal, 1 at an upgrade.
set -e

case "$1" in
remove | 0)
	if [ -d /run/systemd/system ]; then
		systemctl stop 'relaykeep*.socket' relaykeep.service || true
	fi
	if command -v systemctl >/dev/null; then
		systemctl disable relaykeep.service relaykeep.socket relaykeep-25.socket \
			relaykeep-465.socket relaykeep-587.socket >/dev/null 2>&1 || true
	fi
	;;
esac
