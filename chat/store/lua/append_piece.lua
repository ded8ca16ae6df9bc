-- Appends a piece to a recording that grows, if the piece begins where the recording ends.
-- KEYS: recording, its bytes
-- ARGV: named below
-- Returns {outcome, the offset at which the recording ends now, when it expires (Unix seconds), 1 if that is to be noted
-- elsewhere, else 0}, where outcome is one of
--   appended
--   gone: there is none of this owner, or it was ended, or has expired
--   offset: the piece begins elsewhere
--   length: the recording already has another length
--   large: it would be longer than its length or than a recording may be
local recording, bytes = KEYS[1], KEYS[2]
local owner = ARGV[1]
local call = ARGV[2] -- the same where the Redis client repeats a call whose reply was lost
local offset = tonumber(ARGV[3])
local length = ARGV[4] -- of the whole recording, '' if that is not known yet
local max_bytes = tonumber(ARGV[5])
local seconds, known_seconds = tonumber(ARGV[6]), tonumber(ARGV[7]) -- until it expires; that it is remembered then
local piece = ARGV[8]
local paused = ARGV[9] -- '1' if nothing more comes for now
local cut = ARGV[10] -- at which second the recording is cut off once it is whole, '' for nowhere
local step = tonumber(ARGV[11]) -- seconds by which its expiry moves at least, so that few pieces are to note it

local now = tonumber(redis.call('TIME')[1])
local expires = now + seconds
local found = redis.call('HMGET', recording, 'owner', 'ended', 'expires', 'offset', 'length', 'call')
if found[1] ~= owner or found[2] or tonumber(found[3]) <= now then return {'gone', 0, 0, 0} end
local before, known, expiry = tonumber(found[4]), found[5] or '', tonumber(found[3])
if found[6] == call then return {'appended', before, expiry, 1} end
if offset ~= before then return {'offset', before, expiry, 0} end
if length == '' then
  length = known
elseif known ~= '' and known ~= length then
  return {'length', before, expiry, 0}
end
local after = before + string.len(piece)
if after > max_bytes or (length ~= '' and (tonumber(length) > max_bytes or after > tonumber(length))) then
  return {'large', before, expiry, 0}
end
if redis.call('HEXISTS', recording, 'stored') == 1 then return {'appended', before, expiry, 0} end -- all is there
local is_to_note = offset == 0 or paused == '1' or tostring(after) == length or math.abs(expires - expiry) >= step
if not is_to_note then expires = expiry end
if piece ~= '' then redis.call('APPEND', bytes, piece) end
redis.call('HSET', recording, 'offset', after, 'length', length, 'call', call, 'expires', expires)
if paused == '1' then redis.call('HSET', recording, 'paused', after) end
if cut ~= '' then redis.call('HSET', recording, 'cut', cut) end
redis.call('EXPIREAT', recording, expires + known_seconds)
redis.call('EXPIREAT', bytes, expires)
return {'appended', after, expires, is_to_note and 1 or 0}
