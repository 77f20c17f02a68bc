#!/usr/bin/env bash
# Redis 7.0.15 (Debian): a script that turns a time in microseconds into text loses its last two digits.
#
# Numbers of scripts are doubles, which hold microseconds since 1970 exactly. What happens to one depends on how it leaves
# the script: as an argument of redis.call and as a reply of its own it keeps all 16 digits; through tostring, the operator
# .. and cjson.encode it gets 14, so that times up to 100 microseconds apart become one. A script that stores its times by
# redis.call and reports them by cjson has two different values for one moment.
#
# Seen for 1735689600123456: redis.call and reply 1735689600123456; tostring, .. and cjson.encode 1.7356896001235e+15.
#
# dagscope formats moments with %d and sends the others packed as binary: engine/state/redis/scripts/state.lua.
set -euo pipefail
version='5:7.0.15*'
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$dir"' EXIT
cd "$dir"
apt-get -q download "redis-server=$version" "redis-tools=$version" >/dev/null 2>&1
for package in ./*.deb; do dpkg -x "$package" .; done
./usr/bin/redis-server --port 0 --unixsocket "$dir/socket" --save '' --dir "$dir" >/dev/null &
server=$!
cli() { ./usr/bin/redis-cli -s "$dir/socket" "$@"; }
for _ in $(seq 100); do [ "$(cli ping 2>/dev/null)" = PONG ] && break; sleep 0.05; done
seen=$(cli eval "
local us = 1735689600 * 1000000 + 123456
redis.call('SET', 'us', us)
return {redis.call('GET', 'us'), us, tostring(us), us .. '', cjson.encode(us)}" 0 | tr '\n' ' ')
echo "redis.call, reply, tostring, .., cjson.encode: $seen"
[ "$seen" = '1735689600123456 1735689600123456 1.7356896001235e+15 1.7356896001235e+15 1.7356896001235e+15 ' ] ||
	{ echo "this has changed" >&2; exit 1; }
