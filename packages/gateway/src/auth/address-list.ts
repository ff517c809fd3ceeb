// Hot path.
import net from 'node:net'
import type { ApiDefinition } from '../api-definition/schema.ts'
import { plainAddress } from '../client-ip.ts'
import type { Log } from '../log/log.ts'

/**
 * Whether a list of addresses counts. One that has entries does even without its own switch, unless access control by
 * address is off as a whole.
 */
export const ipListInForce = (definition: ApiDefinition, entries: readonly string[], enabled: boolean): boolean =>
  entries.length > 0 && (!definition.ip_access_control_disabled || enabled)

/**
 * Compiles a list of addresses and CIDR ranges, IPv4 and IPv6.
 *
 * An entry that is neither is reported and matches nothing; neither does a client whose address is not known.
 */
export function compileAddressList(entries: readonly string[], log: Log): (address: string) => boolean {
  const list = new net.BlockList()
  for (const entry of entries) {
    if (!addEntry(list, entry)) log.error({ entry }, 'Not an address or CIDR range, entry of the IP list skipped')
  }
  return (address) => {
    // A link-local peer comes with the name of the interface.
    const zone = address.indexOf('%')
    const plain = zone === -1 ? address : address.slice(0, zone)
    const version = net.isIP(plain)
    return version !== 0 && list.check(plain, version === 4 ? 'ipv4' : 'ipv6')
  }
}

function addEntry(list: net.BlockList, entry: string): boolean {
  const slash = entry.indexOf('/')
  const address = plainAddress(slash === -1 ? entry : entry.slice(0, slash))
  const version = net.isIP(address)
  if (version === 0) return false
  const family = version === 4 ? 'ipv4' : 'ipv6'
  if (slash === -1) {
    list.addAddress(address, family)
    return true
  }
  const bits = entry.slice(slash + 1)
  const max = version === 4 ? 32 : 128
  if (!/^\d{1,3}$/.test(bits) || Number(bits) > max) return false
  list.addSubnet(address, Number(bits), family)
  return true
}
