-- Claims an upload for a message, before that is appended to its log. `finish_claim` notes the receipt afterwards.
-- A claim that nobody finished is taken on by the next call for the same receiver, with the same entropy, so that both are
-- one message.
-- KEYS, ARGV: named below
-- Returns {outcome, ...}, where outcome is one of
--   upload: unknown to Redis
--   taken: it is somebody else's
--   claimed: followed by the entropy of the claim as `:<entropy>`, and the recording's duration and peaks
--   sent: it was sent before, or is being sent to somebody else; followed by the receipt or `:<entropy>`, and the receiver
local upload = KEYS[1]
local sender, receiver = ARGV[1], ARGV[2]
local claim = ARGV[3] -- `:<entropy>`
local kept_seconds = tonumber(ARGV[4]) -- how long to keep a claim that nobody finishes

local owner, message, to, duration, peaks = unpack(redis.call('HMGET', upload, 'owner', 'message', 'receiver', 'duration', 'peaks'))
if not owner then return {'upload'} end
if owner ~= sender then return {'taken'} end
if message and (string.sub(message, 1, 1) ~= ':' or to ~= receiver) then return {'sent', message, to or ''} end
if not message then
  message = claim
  redis.call('HSET', upload, 'message', claim, 'receiver', receiver)
  if redis.call('TTL', upload) < kept_seconds then redis.call('EXPIRE', upload, kept_seconds) end
end
redis.call('HINCRBY', upload, 'claims', 1) -- by how many calls; only the last of them may release it
return {'claimed', message, duration or '', peaks or ''}
