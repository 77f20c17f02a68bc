-- Narrow: replaces the outputs of a run by those in :frontier.
--
-- KEYS[1] -> {RUN}:       prefix of the run's keys
-- KEYS[2] -> {RUN}:state
-- ARGV[1] -> in how many ms the outputs expire
--
-- Reply: 1, or 0 where :frontier does not exist, as in a repetition, or the run was deleted, which deletes :frontier.
if call('EXISTS', K .. 'frontier') == 0 then return 0 end
if call('EXISTS', K .. 'state') == 0 then
  call('UNLINK', K .. 'frontier')
  return 0
end
call('UNLINK', K .. 'out')
call('RENAME', K .. 'frontier', K .. 'out')
call('PEXPIRE', K .. 'out', ARGV[1])
return 1
