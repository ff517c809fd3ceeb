const SHOWN = 4

/** A key as logs show it: `****` and its last four characters, `--` when that would be all of it. */
export function obfuscateKey(key: string): string {
  return key.length <= SHOWN ? '--' : `****${key.slice(-SHOWN)}`
}

/**
 * Field names whose values never appear in a line, whoever logs them. The field `key` is not among them: it holds an
 * obfuscated key.
 */
export const secretFields: readonly string[] = [
  'secret',
  'node_secret',
  'password',
  'sentinel_password',
  'authorization',
  'token',
]
