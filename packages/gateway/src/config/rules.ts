import { readdirSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import type { Problem } from './config-error.ts'
import { generatedValue } from './config-file.ts'
import { externalServiceRefusals } from './external-service-rules.ts'
import { placeOf } from './mismatch.ts'
import type { PlacedRow } from './section.ts'
import { secretRefusals } from './secret-rules.ts'
import { tlsRefusals } from './tls-rules.ts'

/** Values by key path, complete: one for every row. */
export type ConfigValues = Map<string, unknown>

/** Replaces the written values that mean "the default". */
export function applyDefaults(rows: readonly PlacedRow[], values: ConfigValues): void {
  for (const { key, row } of rows) {
    const value = values.get(key)
    const { defaultWhen } = row
    if (defaultWhen === undefined) continue
    const replaced =
      defaultWhen === 'zero'
        ? value === 0 || value === ''
        : (value as number) < (defaultWhen === 'not-positive' ? Number.MIN_VALUE : defaultWhen.below)
    if (replaced) values.set(key, row.default)
  }
}

/** Keys that are accepted without effect and were set to something. */
export function pendingKeys(rows: readonly PlacedRow[], values: ConfigValues): string[] {
  return rows.filter(({ key, row }) => row.pending && isChanged(row, values.get(key))).map(({ key }) => key)
}

function isChanged(row: PlacedRow['row'], value: unknown): boolean {
  return !isDeepStrictEqual(value, row.default) && !isDeepStrictEqual(value, generatedValue(row))
}

/** What cannot be accepted although each value has the right form. */
export function refusals(rows: readonly PlacedRow[], values: ConfigValues): Problem[] {
  const byKey = new Map(rows.map((placed) => [placed.key, placed]))
  const refuse = (key: string, reason: string): Problem => {
    const placed = byKey.get(key)
    return { source: 'check', text: `${placed === undefined ? key : placeOf(placed)}: ${reason}` }
  }
  return [
    ...rows
      .filter(({ key, row }) => row.refused !== undefined && isChanged(row, values.get(key)))
      .map(({ key, row }) => refuse(key, row.refused ?? '')),
    ...otherSources(values, refuse),
    ...takenPaths(values, refuse),
    ...versionRanges(values, refuse),
    ...[...tlsRefusals(values), ...secretRefusals(values), ...externalServiceRefusals(values)].map(([key, reason]) =>
      refuse(key, reason),
    ),
  ]
}

type Refuse = (key: string, reason: string) => Problem

function otherSources(values: ConfigValues, refuse: Refuse): Problem[] {
  const problems: Problem[] = []
  const policySource = values.get('policies.policy_source')
  if (policySource === 'service' || policySource === 'rpc') {
    problems.push(
      refuse('policies.policy_source', `policies come from files only, got ${JSON.stringify(policySource)}`),
    )
  }
  if (values.get('analytics_config.type') === 'rpc') {
    problems.push(refuse('analytics_config.type', 'there is no hybrid mode; records go to Redis'))
  }
  for (const key of ['storage.type', 'analytics_storage.type']) {
    const type = values.get(key)
    if (type !== '' && type !== 'redis') problems.push(refuse(key, `expected "redis", got ${JSON.stringify(type)}`))
  }
  return problems
}

function takenPaths(values: ConfigValues, refuse: Refuse): Problem[] {
  if (values.get('enable_metrics') !== true) return []
  return ['health_check_endpoint_name', 'readiness_check_endpoint_name']
    .filter((key) => values.get(key) === 'metrics')
    .map((key) => refuse(key, '/metrics is taken by enable_metrics (TYK_GW_ENABLEMETRICS): choose another name'))
}

const VERSION_RANGES = [
  ['http_server_options.min_version', 'http_server_options.max_version'],
  ['proxy_ssl_min_version', 'proxy_ssl_max_version'],
  ['storage.tls_min_version', 'storage.tls_max_version'],
  ['analytics_storage.tls_min_version', 'analytics_storage.tls_max_version'],
  ['external_services.oauth.mtls.tls_min_version', 'external_services.oauth.mtls.tls_max_version'],
  ['external_services.webhooks.mtls.tls_min_version', 'external_services.webhooks.mtls.tls_max_version'],
] as const

function versionRanges(values: ConfigValues, refuse: Refuse): Problem[] {
  return VERSION_RANGES.filter(([min, max]) => (values.get(min) as number) > (values.get(max) as number)).map(
    ([min, max]) => refuse(min, `the lowest TLS version is above the highest (${max})`),
  )
}

/**
 * Fills in what no gateway can do without. Tyk takes a random port, an open control API or ends in a panic when a file
 * leaves these out; nobody can rely on that, so they get the values of a gateway without a file.
 *
 * @returns One warning per value filled in.
 */
export function fillGaps(rows: readonly PlacedRow[], values: ConfigValues, cwd: string): string[] {
  const warnings: string[] = []
  const fill = (key: string): void => {
    const row = rows.find((placed) => placed.key === key)?.row
    if (row === undefined) return
    values.set(key, generatedValue(row))
    const shown = row.sensitive ? 'its well-known default' : JSON.stringify(row.generated)
    warnings.push(`${key} (${row.env}) is not set, using ${shown}`)
  }
  if (values.get('listen_port') === 0) fill('listen_port')
  if (values.get('secret') === '') fill('secret')
  if (values.get('storage.type') === '') fill('storage.type')
  const hosts = Object.keys(values.get('storage.hosts') as object).length
  if ((values.get('storage.addrs') as string[]).length === 0 && hosts === 0) {
    if (values.get('storage.host') === '') fill('storage.host')
    if (values.get('storage.port') === 0) fill('storage.port')
  }
  if (values.get('template_path') === '' && !hasTemplates(cwd)) fill('template_path')
  return warnings
}

/** Without a path the working directory is searched for error templates. */
function hasTemplates(cwd: string): boolean {
  try {
    return readdirSync(cwd).some((name) => name.startsWith('error'))
  } catch {
    return false
  }
}
