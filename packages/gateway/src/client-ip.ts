// Hot path.
import net from 'node:net'

/** IPv4-mapped IPv6 addresses as IPv4; everything else as it is. */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return ''
  return address.startsWith('::ffff:') ? address.slice(7) : address
}

/**
 * The client's address for records, lists, logs and context variables.
 *
 * `X-Real-IP` first; then `X-Forwarded-For` (first line): depth 0 is its leftmost entry, n the n-th from the right. A
 * depth outside the list gives the empty string, an entry that is no address falls back to the peer.
 */
export function clientAddress(realIp: string | null, forwardedFor: string | null, depth: number, peer: string): string {
  if (realIp !== null) {
    const canonical = canonicalAddress(realIp)
    if (canonical !== null) return canonical
  }
  if (forwardedFor === null || forwardedFor === '') return peer
  const entries = forwardedFor.split(',')
  if (depth < 0 || depth > entries.length) return ''
  const entry = depth === 0 ? entries[0] : entries[entries.length - depth]
  return canonicalAddress((entry as string).trim()) ?? peer
}

/** Go's text form of an address, or null when it is none. Ports, zones and octets with leading zeros are refused. */
function canonicalAddress(text: string): string | null {
  const version = net.isIP(text)
  if (version === 0 || text.includes('%')) return null
  if (version === 4) return text
  const canonical = new URL(`http://[${text}]`).hostname.slice(1, -1)
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical)
  if (mapped === null) return canonical
  const high = Number.parseInt(mapped[1] as string, 16)
  const low = Number.parseInt(mapped[2] as string, 16)
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`
}
