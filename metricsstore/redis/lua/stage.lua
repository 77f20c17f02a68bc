-- Appends rows to a parcel, where it has as many as the caller expects: a call that is repeated
-- because its answer was lost puts them once.
-- KEYS  parcel
-- ARGV  1 how many rows it has, 2 how many ms the parcel stays unless a run takes it, then rows
local have = redis.call('LLEN', KEYS[1])
if have == tonumber(ARGV[1]) then
  for i = 3, #ARGV do redis.call('RPUSH', KEYS[1], ARGV[i]) end
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return {'staged'}
