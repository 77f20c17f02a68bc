-- Constant: keeps a value that runs share, by the hash of its content. KEYS[1] is its key. ARGV: what to do, the run, in
-- how many milliseconds it may go ('' for not before it is told), the value. The reply is 1, or nil where it is gone.
-- The key is a hash of the value and, for each run that names it, the moment at which that run is gone, or 'never'.
local key, what, run = KEYS[1], ARGV[1], ARGV[2]
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)

if what == 'release' then
  redis.call('HDEL', key, 'run:' .. run)
else
  if what == 'put' then redis.call('HSETNX', key, 'value', ARGV[4]) end
  if redis.call('HEXISTS', key, 'value') == 0 then return false end
  local held = what == 'put' and redis.call('HGET', key, 'run:' .. run) == 'never' -- somebody else's run of that name
  if not held then redis.call('HSET', key, 'run:' .. run, ARGV[3] == '' and 'never' or string.format('%d', now + ARGV[3])) end
end

local latest = 0
local all = redis.call('HKEYS', key)
for _, field in ipairs(all) do
  if field ~= 'value' then
    local gone = redis.call('HGET', key, field)
    latest = gone == 'never' and math.huge or math.max(latest, tonumber(gone))
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
