#!/bin/sh
# Removes Muster from this Mac (run as root). Settings from a profile and the entry in the inventory stay; unenrol first to remove that.
label=org.muster.Muster.agent
if [ "$(id -u)" -ne 0 ]; then
  echo 'Removing Muster needs an administrator: run it with sudo.' >&2
  exit 1
fi
person=$(stat -f%Su /dev/console)
case "$person" in
  '' | root | loginwindow | _mbsetupuser) ;;
  *) launchctl bootout "gui/$(id -u "$person")/$label" 2>/dev/null || true ;;
esac
rm -f "/Library/LaunchAgents/$label.plist"
if [ -L /usr/local/bin/muster ]; then rm -f /usr/local/bin/muster; fi
rm -rf /Applications/Muster.app
pkgutil --forget org.muster.Muster >/dev/null 2>&1
exit 0
