-- Append: adds pieces of details once. ARGV: who asks, a random name; the pieces.
if call('EXISTS', K .. 'state') == 0 then return false end
if not call('SET', K .. 'once:' .. ARGV[1], 1, 'NX', 'EX', 60) then return 1 end -- the answer was lost
for i = 2, #ARGV do call('XADD', K .. 'details', '*', 'd', ARGV[i]) end
local left = call('PTTL', K .. 'run')
if left > 0 then call('PEXPIRE', K .. 'details', left) end
return 1
