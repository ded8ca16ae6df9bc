-- Copies ended sessions from the archive back into Redis, unless it knows of a later end.
-- KEYS: the sessions
-- ARGV: for each its value, and when to forget it (Unix s), which grows with every later end. Of two ends within a second
--       the greater value is the later one: it begins with the time (ms), or is always the same
for i, session in ipairs(KEYS) do
  local value, expires = ARGV[2 * i - 1], tonumber(ARGV[2 * i])
  local known = redis.call('EXPIRETIME', session)
  if known < expires or (known == expires and redis.call('GET', session) < value) then
    redis.call('SET', session, value, 'EXAT', expires)
  end
end
