import { randomUUID } from 'node:crypto'

/**
 * The two forms of a key. Without a hash function a key is organisation and id run together; with one it is base64 of a
 * JSON object that names organisation, id and hash, so that any gateway can tell how the key is stored.
 */

export const KEY_HASH_FUNCTIONS = ['murmur32', 'murmur64', 'murmur128', 'sha256'] as const
export type KeyHashFunction = (typeof KEY_HASH_FUNCTIONS)[number]

export const isKeyHashFunction = (name: string): name is KeyHashFunction =>
  (KEY_HASH_FUNCTIONS as readonly string[]).includes(name)

/**
 * The key text of an id within an organisation.
 *
 * @param id - empty for a new random one. A leading organisation is dropped.
 * @param hashFunction - as `hash_key_function`: empty for the older form, an unknown name for murmur64.
 */
export function generateKey(orgId: string, id: string, hashFunction: string): string {
  const bare = orgId !== '' && id.startsWith(orgId) ? id.slice(orgId.length) : id
  const keyId = bare === '' ? randomUUID().replaceAll('-', '') : bare
  if (hashFunction === '') return orgId + keyId
  const h = isKeyHashFunction(hashFunction) ? hashFunction : 'murmur64'
  // Literal text and no JSON encoder: the hash is over these very bytes, whatever the id holds.
  return Buffer.from(`{"org":"${orgId}","id":"${keyId}","h":"${h}"}`, 'utf8').toString('base64')
}

/** The members of a key in JSON form, or null for any other text. */
export function decodeKey(
  key: string,
): { readonly org: string | null; readonly id: string; readonly h: string } | null {
  if (!key.startsWith('ey')) return null
  const bytes = decodeBase64(key)
  if (bytes === null) return null
  try {
    const json: unknown = JSON.parse(bytes.toString('utf8'))
    if (json === null || typeof json !== 'object') return null
    const { org, id, h } = json as Record<string, unknown>
    return {
      org: typeof org === 'string' ? org : null,
      id: typeof id === 'string' ? id : '',
      h: typeof h === 'string' ? h : '',
    }
  } catch {
    return null
  }
}

/** The organisation a key belongs to, empty when the text does not tell. */
export function organisationOf(key: string): string {
  const decoded = decodeKey(key)
  if (decoded !== null && decoded.org !== null) return decoded.org
  return /^[0-9a-fA-F]{24}./s.test(key) ? key.slice(0, 24) : ''
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/** Decodes standard, padded base64 and nothing else; line breaks are skipped. Null when the text is not that. */
export function decodeBase64(text: string): Buffer | null {
  const joined = text.replace(/[\r\n]/g, '')
  return BASE64.test(joined) ? Buffer.from(joined, 'base64') : null
}
