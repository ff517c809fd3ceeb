import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { GatewayConfig } from '../config/schema.ts'
import type { Log } from '../log/log.ts'
import { isObject } from './go-json.ts'
import { readPolicy, type Policy } from './policy.ts'

export type { Policy } from './policy.ts'

/** The policies in force. A reload replaces them all at once. */
export interface PolicyStore {
  get(orgId: string, id: string): Policy | undefined
  all(): readonly Policy[]
  replace(policies: readonly Policy[]): void
  /** Grows with every replacement: results that were worked out from policies are good for one version. */
  readonly version: number
}

export function createPolicyStore(): PolicyStore {
  let policies: readonly Policy[] = []
  let byOrg = new Map<string, Map<string, Policy>>()
  let version = 0
  return {
    get: (orgId, id) => byOrg.get(orgId)?.get(id),
    all: () => policies,
    replace(next) {
      policies = next
      byOrg = new Map()
      for (const policy of next) {
        const ofOrg = byOrg.get(policy.org_id) ?? new Map<string, Policy>()
        byOrg.set(policy.org_id, ofOrg.set(policy.id, policy))
      }
      version++
    },
    get version() {
      return version
    },
  }
}

/** The policies could not be read as a whole; those in force should stay. */
export class PolicyLoadError extends Error {
  readonly code = 'GATEWAY_POLICY_LOAD'
}

/**
 * Reads the policies that the configuration points at: a folder with one per file, else one file that maps ids to
 * policies. A single bad one is left out with an error line.
 *
 * @param firstLoad - A file that does not exist is only warned about then: Tyk would refuse to load any API, which is a
 * poor first impression for a stack without policies. Later it means that policies in force have gone missing.
 * @throws PolicyLoadError when the file or folder as a whole is unreadable.
 */
export async function loadPolicies(
  config: Pick<GatewayConfig, 'policies'>,
  log: Log,
  firstLoad: boolean,
): Promise<Policy[]> {
  const { policy_path: folder, policy_record_name: file } = config.policies
  log.info('Loading policies')
  if (folder === '' && file === '') {
    log.debug('No policy record name defined, skipping...')
    return []
  }
  const policies = folder === '' ? await readMapFile(file, log, firstLoad) : await readFolder(folder, log)
  log.info({ policies: policies.length }, `Policies found (${policies.length} total):`)
  for (const { id, name } of policies) log.debug({ id, name }, 'policy')
  return policies
}

async function readMapFile(file: string, log: Log, firstLoad: boolean): Promise<Policy[]> {
  const text = await readText(file)
  if (text === null && !firstLoad) throw new PolicyLoadError(`reading ${file}: no such file`)
  if (text === null) {
    log.warn({ file, key: 'policies.policy_record_name' }, 'policy file not found, going on without policies')
    return []
  }
  const json = parseJson(text, file)
  if (!isObject(json)) throw new PolicyLoadError(`reading ${file}: expected an object that maps ids to policies`)
  const policies: Policy[] = []
  for (const [id, value] of Object.entries(json)) {
    try {
      policies.push(readPolicy(value, id))
    } catch (err) {
      log.error({ file, policy: id, reason: (err as Error).message }, "Couldn't unmarshal policy, skipped")
    }
  }
  return policies
}

async function readText(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8')
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw new PolicyLoadError(`reading ${file}: ${(err as Error).message}`, { cause: err })
  }
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text)
  } catch (err) {
    throw new PolicyLoadError(`reading ${file}: ${(err as Error).message}`, { cause: err })
  }
}

async function readFolder(folder: string, log: Log): Promise<Policy[]> {
  const policies = new Map<string, Policy>()
  for (const name of await listFolder(folder)) {
    const file = join(folder, name)
    try {
      const policy = readPolicy(JSON.parse(await readFile(file, 'utf8')))
      if (policy.id === '') throw new Error('id: expected a policy id, got nothing')
      policies.set(`${policy.org_id}\n${policy.id}`, policy)
    } catch (err) {
      log.error({ file, reason: (err as Error).message }, "Couldn't unmarshal policy configuration from dir: skipped")
    }
  }
  return [...policies.values()]
}

async function listFolder(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => name.endsWith('.json')).sort()
  } catch (err) {
    throw new PolicyLoadError(`reading the policy folder ${folder}: ${(err as Error).message}`, { cause: err })
  }
}
