import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')

/** MaxMind's test databases, as `test/servers/mmdb/mmdb.sh install` leaves them. */
export const mmdbFolder = join(cache, 'tek-test-data', 'mmdb-5.1.0')

/** Why tests that need them cannot run here, or undefined when they can: `describe.skipIf(mmdbSkipReason())`. */
export function mmdbSkipReason(): string | undefined {
  if (existsSync(join(mmdbFolder, 'GeoIP2-City-Test.mmdb'))) return undefined
  const reason = `no GeoIP test databases in ${mmdbFolder}: test/servers/mmdb/mmdb.sh install brings them`
  if (process.env['CI']) throw new Error(reason)
  return reason
}
