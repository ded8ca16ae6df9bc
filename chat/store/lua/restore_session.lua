-- Copies an ended session from the archive back into Redis, unless it knows of a later end.
-- KEYS: the session
-- ARGV: its value, which begins with the time (ms) or is always the same, so that of two ends the greater value is the later
--       one; and when to forget it (Unix s), which need not grow: it depends on a setting
local session = KEYS[1]
local value, expires = ARGV[1], tonumber(ARGV[2])
local known = redis.call('GET', session)
expires = math.max(expires, redis.call('EXPIRETIME', session))
redis.call('SET', session, known and known > value and known or value, 'EXAT', expires)
