-- Constant: stores, holds or releases a value that runs share. The value is deleted when no run holds it.
--
-- KEYS[1] -> const:HASH  a hash: field value, and for each run that holds it run:RUN, the moment when the hold expires in
--            ms since 1970, or 'never'
-- ARGV[1] -> 'put' to store the value if it does not exist, and hold it; 'hold'; or 'release'
-- ARGV[2] -> run
-- ARGV[3] -> of put and hold: in how many ms the hold expires, '' for never
-- ARGV[4] -> of put: the value
--
-- Reply: 1, or nil where the value does not exist.
-- put does not shorten a hold that never expires, which another run of that ID has.
local key, what, run = KEYS[1], ARGV[1], ARGV[2]
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)

if what == 'release' then
  redis.call('HDEL', key, 'run:' .. run)
else
  if what == 'put' then redis.call('HSETNX', key, 'value', ARGV[4]) end
  if redis.call('HEXISTS', key, 'value') == 0 then return false end
  local held = what == 'put' and redis.call('HGET', key, 'run:' .. run) == 'never' -- another run with that ID
  if not held then redis.call('HSET', key, 'run:' .. run, ARGV[3] == '' and 'never' or string.format('%d', now + ARGV[3])) end
end

local latest = 0
local all = redis.call('HKEYS', key)
for _, field in ipairs(all) do
  if field ~= 'value' then
    local expires = redis.call('HGET', key, field)
    latest = expires == 'never' and math.huge or math.max(latest, tonumber(expires))
  end
end
if latest == math.huge then
  redis.call('PERSIST', key)
elseif latest <= now then
  redis.call('UNLINK', key)
else
  redis.call('PEXPIREAT', key, string.format('%d', latest))
end
return 1
