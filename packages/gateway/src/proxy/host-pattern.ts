/** Values by host pattern, as in `upstream_certificates` and `pinned_public_keys`. */
export type HostMap = Readonly<Record<string, string>>

/**
 * The value for a host. From weakest to strongest: `*`, `*.domain`, `*.domain:port`, `host`, `host:port`; `*.` stands
 * for exactly the first label. Of several maps a later one wins, whatever its pattern.
 */
export function valueForHost(maps: readonly HostMap[], hostname: string, port: number): string | null {
  const dot = hostname.indexOf('.')
  const wildcard = dot === -1 ? null : `*${hostname.slice(dot)}`
  const patterns = [
    `${hostname}:${port}`,
    hostname,
    ...(wildcard === null ? [] : [`${wildcard}:${port}`, wildcard]),
    '*',
  ]
  for (const map of maps.toReversed()) {
    for (const pattern of patterns) {
      // A host may be called `constructor`.
      const value = Object.hasOwn(map, pattern) ? map[pattern] : undefined
      if (value !== undefined && value !== '') return value
    }
  }
  return null
}
