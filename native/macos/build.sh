#!/bin/sh
# Builds muster-claim-key for Apple silicon and Intel. Runs on a Mac with Xcode's command line tools.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/muster-claim-key}
swiftc -O -target arm64-apple-macos13 -o "$out.arm64" "$here/claimKey.swift"
swiftc -O -target x86_64-apple-macos13 -o "$out.x86_64" "$here/claimKey.swift"
lipo -create -output "$out" "$out.arm64" "$out.x86_64"
rm "$out.arm64" "$out.x86_64"
