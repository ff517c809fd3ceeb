// Loaded into a gateway under test: names of the file at TEK_TEST_HOSTS are looked up there, each time anew. What the
// operating system would say about them is not for a test to decide.
import dns from 'node:dns'
import { readFileSync } from 'node:fs'

const { lookup } = dns

dns.lookup = (hostname, options, callback) => {
  const found = JSON.parse(readFileSync(process.env.TEK_TEST_HOSTS, 'utf8'))[hostname]
  if (found === undefined) return lookup(hostname, options, callback)
  const answer = typeof options === 'function' ? options : callback
  if (typeof found === 'string') {
    const error = Object.assign(new Error(`getaddrinfo ${found} ${hostname}`), { code: found, hostname })
    process.nextTick(answer, error)
    return {}
  }
  const addresses = found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
  if (options?.all === true) process.nextTick(answer, null, addresses)
  else process.nextTick(answer, null, addresses[0].address, addresses[0].family)
  return {}
}
