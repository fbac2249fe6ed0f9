#!/bin/sh
# What tests run beside our own: a browser for the journeys, the shells and the JSON reader that people's machines
# have, and what signs for a SAML identity provider. Nothing to do where they are; on Debian as root, apt's; else those
# tests are skipped, and the end of the tests says so.
set -eu

wanted=
for name in zsh fish busybox jq xmlsec1; do
  command -v "$name" >/dev/null || wanted="$wanted $name"
done
browser=
for name in chromium chromium-browser google-chrome; do
  if command -v "$name" >/dev/null; then browser=$name; fi
done
[ -n "$browser" ] || wanted="$wanted chromium"
[ -n "$wanted" ] || exit 0
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
  echo "Installing for the tests:$wanted"
  # shellcheck disable=SC2086  # a list of our own words
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $wanted; } \
    >/dev/null && exit 0
fi
echo "Not here, and not to be installed:$wanted. The tests that need them will be skipped." >&2
