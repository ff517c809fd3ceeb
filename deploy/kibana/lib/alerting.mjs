/** Alert rules and service level objectives, where this Kibana offers them. What is there already is left as it is. */
import { unexpected } from './client.mjs'

/** The first version with the SLO API in its present form. */
const SLO_SINCE = [8, 12]

/**
 * @param {{ client: any, rules: any[], dryRun: boolean, say: (line: string) => void }} input
 */
export async function setUpRules({ client, rules, dryRun, say }) {
  const obstacle = await obstacleToRules(client, rules)
  if (obstacle !== null) return say(`alert rules: none created: ${obstacle}`)
  const done = { created: [], there: [] }
  for (const { id, body } of rules) {
    const answer = await client.call('GET', `/api/alerting/rule/${id}`)
    if (answer.status === 200) {
      done.there.push(body.name)
      continue
    }
    if (answer.status !== 404) throw unexpected(`GET /api/alerting/rule/${id}`, answer)
    if (!dryRun) {
      const made = await client.call('POST', `/api/alerting/rule/${id}`, { json: body })
      if (made.status !== 200) throw unexpected(`creating the rule "${body.name}"`, made)
    }
    done.created.push(body.name)
  }
  report('alert rules', done, dryRun, say)
}

async function obstacleToRules(client, rules) {
  const health = await client.call('GET', '/api/alerting/_health')
  if (health.status === 403) return 'the user may not see rules (privilege "Stack Rules")'
  if (health.status !== 200)
    return `this Kibana does not offer them (GET /api/alerting/_health answered ${health.status})`
  if (health.body?.has_permanent_encryption_key === false) {
    return 'Kibana has no lasting encryption key: set xpack.encryptedSavedObjects.encryptionKey (32 characters or more) in kibana.yml'
  }
  if (health.body?.is_sufficiently_secure === false) {
    return 'Kibana wants TLS to Elasticsearch for rules while security is on'
  }
  const types = await client.call('GET', '/api/alerting/rule_types')
  if (types.status !== 200 || !Array.isArray(types.body)) return `GET /api/alerting/rule_types answered ${types.status}`
  const usable = new Set(types.body.filter((type) => type.enabled_in_license !== false).map((type) => type.id))
  const missing = [...new Set(rules.map(({ body }) => body.rule_type_id))].filter((type) => !usable.has(type))
  return missing.length === 0 ? null : `version or licence lacks the rule type ${missing.join(', ')}`
}

/**
 * @param {{ client: any, slos: any[], version: string, dryRun: boolean, say: (line: string) => void }} input
 */
export async function setUpSlos({ client, slos, version, dryRun, say }) {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major < SLO_SINCE[0] || (major === SLO_SINCE[0] && minor < SLO_SINCE[1])) {
    return say(`SLOs: none created: Kibana ${SLO_SINCE.join('.')} or newer is needed, this is ${version}`)
  }
  const done = { created: [], there: [] }
  for (const { id, body } of slos) {
    const answer = await client.call('GET', `/api/observability/slos/${id}`)
    if (answer.status === 200) {
      done.there.push(body.name)
      continue
    }
    if (answer.status === 403) return say(`SLOs: none created: ${answer.body?.message ?? 'not allowed'} (403)`)
    if (answer.status !== 404) throw unexpected(`GET /api/observability/slos/${id}`, answer)
    if (!dryRun) {
      const made = await client.call('POST', '/api/observability/slos', { json: { id, ...body } })
      if (made.status === 403) {
        return say(`SLOs: none created: ${made.body?.message ?? 'a Platinum licence or a trial is needed'} (403)`)
      }
      if (made.status === 404) return say('SLOs: none created: this Kibana has no SLOs')
      if (made.status !== 200 && made.status !== 409) throw unexpected(`creating the SLO "${body.name}"`, made)
    }
    done.created.push(body.name)
  }
  report('SLOs', done, dryRun, say)
}

function report(what, { created, there }, dryRun, say) {
  if (created.length > 0)
    say(`${what}: ${created.length} ${dryRun ? 'would be created' : 'created'}: ${created.join('; ')}`)
  if (there.length > 0) say(`${what}: ${there.length} there already, left as they are`)
}
