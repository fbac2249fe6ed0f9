#!/bin/sh
# A browser for the journeys: nothing to do where there is one; on Debian as root, apt's; else those tests are skipped,
# and the end of the tests says so.
set -eu

for name in chromium chromium-browser google-chrome; do
  command -v "$name" >/dev/null && exit 0
done
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
  echo "Installing Chromium for the browser journeys."
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; } \
    >/dev/null && exit 0
fi
echo "No Chromium, and none can be installed here: the browser journeys will be skipped." >&2
