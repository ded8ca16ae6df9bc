-- Copies an ended session from the archive back into Redis, unless it knows of a later end.
-- KEYS: the session
-- ARGV: its value, and when to forget it (Unix s), which grows with every later end. Of two ends within a second
--       the greater value is the later one: it begins with the time (ms), or is always the same
local session = KEYS[1]
local value, expires = ARGV[1], tonumber(ARGV[2])
local known = redis.call('EXPIRETIME', session)
if known < expires or (known == expires and redis.call('GET', session) < value) then
  redis.call('SET', session, value, 'EXAT', expires)
end
