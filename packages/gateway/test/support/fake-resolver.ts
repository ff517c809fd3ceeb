import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Addresses of a name, or the code of the error that its lookup ends with. */
export type Hosts = Readonly<Record<string, readonly string[] | string>>

/** Names that only the gateways of one test file know. */
export interface FakeResolver extends Disposable {
  /** For the environment of the gateway. */
  readonly env: Readonly<Record<string, string>>
  /** From the next lookup on. */
  set(hosts: Hosts): void
}

export function createFakeResolver(hosts: Hosts): FakeResolver {
  const folder = mkdtempSync(join(tmpdir(), 'tek-hosts-'))
  const file = join(folder, 'hosts.json')
  const set = (next: Hosts): void => writeFileSync(file, JSON.stringify(next))
  set(hosts)
  const preload = new URL('./fake-resolver.preload.mjs', import.meta.url).href
  return {
    env: { NODE_OPTIONS: `--import=${preload}`, TEK_TEST_HOSTS: file },
    set,
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  }
}
