-- Delete: removes all keys of a run.
-- KEYS  run, fence, then the others
-- ARGV  1 the version that was decided on, 2 the token of the parcel that is among the keys, empty for none
--       3 the call's ticket, 4 channel, 5 message
local version, parcel = unpack(redis.call('HMGET', KEYS[1], 'version', 'parcel'))
if not version then return {'none'} end
if version ~= ARGV[1] or (parcel or '') ~= ARGV[2] then return {'changed'} end
if tonumber(redis.call('GET', KEYS[2]) or 0) >= tonumber(ARGV[3]) then return {'fenced'} end
redis.call('UNLINK', KEYS[1], unpack(KEYS, 3))
redis.call('PUBLISH', ARGV[4], ARGV[5])
return {'gone'}
