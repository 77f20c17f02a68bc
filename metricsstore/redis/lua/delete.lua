-- Delete: removes all keys of a run.
-- KEYS  run, then the others
-- ARGV  1 the version that was decided on, 2 the token of the parcel that is among the keys, empty for none
--       3 channel, 4 message
local version, parcel = unpack(redis.call('HMGET', KEYS[1], 'version', 'parcel'))
if not version then return {'none'} end
if version ~= ARGV[1] or (parcel or '') ~= ARGV[2] then return {'changed'} end
redis.call('UNLINK', unpack(KEYS))
redis.call('PUBLISH', ARGV[3], ARGV[4])
return {'gone'}
