#!/bin/sh
# After installation of the deb and the rpm. electron-builder fills in the two words in braces; everything else is plain shell.
set -e

# The command line. The app itself is started from the menu, or as /opt/Muster/muster-app.
ln -sf '/opt/${sanitizedProductName}/resources/agent/muster' /usr/bin/muster

# Settings from IT live here. The folder must belong to root alone, or they are refused.
install -d -o root -g root -m 0755 /etc/muster

# Chromium's sandbox needs the set-user-id helper only where user namespaces do not work.
if [ -L /proc/self/ns/user ] && unshare --user true 2>/dev/null; then
  chmod 0755 '/opt/${sanitizedProductName}/chrome-sandbox'
else
  chmod 4755 '/opt/${sanitizedProductName}/chrome-sandbox'
fi

# From Ubuntu 24 on, user namespaces need an AppArmor profile; older versions cannot read it and need none.
profile='/opt/${sanitizedProductName}/resources/apparmor-profile'
if command -v apparmor_parser >/dev/null 2>&1 && apparmor_parser --skip-kernel-load --debug "$profile" >/dev/null 2>&1; then
  install -m 0644 "$profile" '/etc/apparmor.d/${executable}'
  if ! { [ -x /usr/bin/ischroot ] && /usr/bin/ischroot; }; then
    apparmor_parser --replace --write-cache --skip-read-cache '/etc/apparmor.d/${executable}' || true
  fi
fi

if command -v update-desktop-database >/dev/null 2>&1; then update-desktop-database /usr/share/applications || true; fi
if command -v gtk-update-icon-cache >/dev/null 2>&1; then gtk-update-icon-cache -q /usr/share/icons/hicolor || true; fi

# The group that the TPM service answers besides people.
if command -v systemd-sysusers >/dev/null 2>&1; then
  systemd-sysusers muster.conf || true
elif command -v groupadd >/dev/null 2>&1; then
  getent group muster >/dev/null || groupadd --system muster
fi

# Both services are off until IT turns them on (systemctl enable --now muster-tpm, muster-agent); an upgrade restarts what runs.
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload || true
  systemctl try-restart muster-tpm.service muster-agent.service || true
fi
exit 0
