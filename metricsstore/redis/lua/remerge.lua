-- Makes all runs of a day loose.
-- KEYS  the keys of the history
-- ARGV  day, the day after it
remerge(history(1), ARGV[1], ARGV[2])
return {'loose'}
