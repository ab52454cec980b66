#!/bin/sh
# deb: configure OLD-VERSION; rpm: 1 at the first installation, 2 at an upgrade.
set -e

case "$1" in
configure | 1 | 2) ;;
*) exit 0 ;;
esac

if command -v systemd-sysusers >/dev/null; then
	systemd-sysusers relaykeep.conf
elif ! getent passwd relaykeep >/dev/null; then
	useradd --system --user-group --home-dir /var/lib/relaykeep --shell /usr/sbin/nologin relaykeep
fi
# Not by systemd-tmpfiles, which fails without /proc: in a chroot, say.
install -d -m 0750 -o root -g relaykeep /etc/relaykeep
install -d -m 0700 -o relaykeep -g relaykeep /var/lib/relaykeep
chown root:relaykeep /etc/relaykeep/config.hcl
chmod 0640 /etc/relaykeep/config.hcl

first=""
if [ "$1" = 1 ] || { [ "$1" = configure ] && [ -z "$2" ]; }; then
	first=yes
fi
if command -v systemctl >/dev/null; then
	if [ -n "$first" ]; then
		systemctl enable relaykeep.service >/dev/null 2>&1 || true
	fi
	if [ -d /run/systemd/system ]; then
		systemctl daemon-reload
		if [ -n "$first" ]; then
			systemctl start relaykeep.service ||
				echo "relaykeep did not start: see journalctl -u relaykeep" >&2
		else
			systemctl try-restart relaykeep.service || true
		fi
	fi
fi
