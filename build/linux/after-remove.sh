#!/bin/sh
# After removal of the deb (remove, purge, upgrade, …) and the rpm (0 when the last version goes).
set -e
case "$1" in
  remove | purge | disappear | 0)
    if [ -L /usr/bin/muster ] && [ ! -e /usr/bin/muster ]; then rm -f /usr/bin/muster; fi
    if [ -f '/etc/apparmor.d/${executable}' ]; then
      if command -v apparmor_parser >/dev/null 2>&1; then
        apparmor_parser --remove '/etc/apparmor.d/${executable}' 2>/dev/null || true
      fi
      rm -f '/etc/apparmor.d/${executable}'
    fi
    if [ -d /run/systemd/system ]; then systemctl daemon-reload || true; fi
    ;;
esac
# Purging a deb also forgets the keys of this device; the settings are IT's and stay, the empty folder goes.
if [ "$1" = purge ]; then
  rm -rf /var/lib/private/muster /var/lib/private/muster-tpm
  if [ -L /var/lib/muster ]; then rm -f /var/lib/muster; fi
  if [ -L /var/lib/muster-tpm ]; then rm -f /var/lib/muster-tpm; fi
  if [ -d /etc/muster ]; then rmdir --ignore-fail-on-non-empty /etc/muster; fi
fi
exit 0
