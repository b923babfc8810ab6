#!/bin/sh
# Before removal of the deb (argument `remove`) and the rpm (argument 0): not before an upgrade.
set -e
case "$1" in
  remove | 0)
    if [ -d /run/systemd/system ]; then systemctl disable --now muster-agent.service muster-tpm.service || true; fi
    ;;
esac
exit 0
