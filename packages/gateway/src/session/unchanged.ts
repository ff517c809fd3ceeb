import { hash } from 'node:crypto'
import { defineScript } from '../limits/script.ts'

/**
 * Stores a session whose quota figures moved, if nothing else of it has changed meanwhile: another gateway, or the control
 * API of one, may have given the key other limits, and the session from before must not come back.
 *
 * KEYS[1]: the session. ARGV[1]: the new text. ARGV[2]: seconds until it expires; 0 or less: it does not. ARGV[3], ARGV[4]:
 * SHA-1 of what may be there, without its quota figures.
 * Returns 1 when it was stored, 0 when it was not.
 */
const WRITE_UNCHANGED = `
local stored = redis.call('GET', KEYS[1])
if not stored then return 0 end
local bare = string.gsub(stored, '"quota_remaining":%-?%d+', '')
bare = string.gsub(bare, '"quota_renews":%-?%d+', '')
bare = string.gsub(bare, ',', '')
local digest = redis.sha1hex(bare)
if digest ~= ARGV[3] and digest ~= ARGV[4] then return 0 end
if tonumber(ARGV[2]) > 0 then
  redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
else
  redis.call('SET', KEYS[1], ARGV[1])
end
return 1
`

/** Resolves to 1 when the session was stored. */
export const writeUnchanged = defineScript<
  [key: string, text: string, ttlSeconds: number, before: string, after: string],
  number
>('tekWriteUnchanged', 1, WRITE_UNCHANGED)

// Without commas: a figure that is 0 is left out, and the comma on one of its sides with it.
const FIGURES = /"quota_(?:remaining|renews)":-?\d+|,/g

/** SHA-1 of a stored session without its quota figures, as the script computes it. */
export const bareDigest = (text: string): string => hash('sha1', text.replace(FIGURES, ''))
