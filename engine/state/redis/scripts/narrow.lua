-- Narrow: puts the outputs that were picked beside :out in its place, once. ARGV: in how many milliseconds they expire. Of a
-- run that was deleted meanwhile nothing is left.
if call('EXISTS', K .. 'frontier') == 0 then return 0 end
if call('EXISTS', K .. 'state') == 0 then
  call('UNLINK', K .. 'frontier')
  return 0
end
call('UNLINK', K .. 'out')
call('RENAME', K .. 'frontier', K .. 'out')
call('PEXPIRE', K .. 'out', ARGV[1])
return 1
