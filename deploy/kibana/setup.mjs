/**
 * Brings Tyk's data view, saved searches and dashboards into Kibana. Run again it changes nothing, and it never
 * overwrites what somebody has edited. `node setup.mjs --help` lists the options, docs/kibana.md explains them.
 */
import { setUpRules, setUpSlos } from './lib/alerting.mjs'
import { createClient } from './lib/client.mjs'
import { SetupError } from './lib/errors.mjs'
import { readRecord, recordObject } from './lib/import-record.mjs'
import { HELP, readOptions } from './lib/options.mjs'
import { loadPack } from './lib/packs.mjs'
import { completeRecord, planImport, recordOf } from './lib/plan.mjs'
import { importObjects, readObjects } from './lib/saved-objects.mjs'

const say = (line) => console.log(line)

/** Why an object that is shipped is not written. Those that are as shipped need no words. */
const LEFT = {
  edited: 'edited since the import',
  foreign: 'there already and not from this set-up; --restore overwrites it',
  deleted: 'deleted since the import',
}

try {
  process.exitCode = process.argv.includes('--help') ? help() : await main()
} catch (error) {
  if (!(error instanceof SetupError)) throw error
  console.error(`error: ${error.message}\n    => ${error.cure}`)
  process.exitCode = error.exitCode
}

function help() {
  say(HELP)
  return 0
}

async function main() {
  const options = readOptions(process.argv.slice(2), process.env)
  const client = createClient(options)
  const version = await client.untilReady()
  refuseOldVersions(version)
  say(`Kibana ${version} at ${options.url}, ${options.space === '' ? 'default space' : `space ${options.space}`}`)
  let problems = 0
  for (const name of options.packs) {
    const pack = loadPack(name, options.space)
    problems += await setUpObjects(client, pack, options)
    if (options.rules) await setUpRules({ client, rules: pack.rules, dryRun: options.dryRun, say })
    if (options.slos) await setUpSlos({ client, slos: pack.slos, version, dryRun: options.dryRun, say })
  }
  if (options.dryRun) say('dry run: nothing was written')
  return problems === 0 ? 0 : 1
}

function refuseOldVersions(version) {
  const [major, minor] = version.split('.').map(Number)
  if (major > 7 || (major === 7 && minor >= 17)) return
  throw new SetupError(
    `Kibana 7.17 or newer is needed, this is ${version}`,
    'OpenSearch Dashboards and older versions of Kibana do not have the kinds of chart that the dashboards use.',
  )
}

/** Returns the number of objects that Kibana did not take. */
async function setUpObjects(client, { name, objects }, { space, dryRun, restore, packs }) {
  const record = await readRecord(client, name, space)
  const stored = await readObjects(client, objects)
  const { recorded, changed } = completeRecord(record, stored)
  const plan = planImport({ objects, stored, recorded, restore })
  describe(name, plan, dryRun)
  const toWrite = plan.filter(({ write }) => write)
  const remember = (more) => recordObject(name, space, { ...recorded, ...Object.fromEntries(more) })
  if (dryRun) return 0
  if (toWrite.length === 0) {
    if (changed) await importOrThrow(client, remember([]))
    return 0
  }

  const begun = remember(toWrite.map(({ key, object }) => [key, recordOf(object)]))
  const { imported, problems } = await importObjects(client, [...toWrite.map(({ object }) => object), begun])
  const done = toWrite.filter(({ key }) => imported.has(key))
  if (done.length > 0) {
    const after = await readObjects(
      client,
      done.map(({ object }) => object),
    )
    const written = done.filter(({ key }) => after.has(key))
    await importOrThrow(client, remember(written.map(({ key, object }) => [key, recordOf(object, after.get(key))])))
  }
  say(`${name}: ${done.length} written`)
  for (const problem of problems) console.error(`error: Kibana did not take ${problem}`)
  const view = done.find(({ object, verdict }) => object.type === 'index-pattern' && verdict === 'create')
  if (view !== undefined && name === packs[0]) await makeDefault(client, view.object.id)
  return problems.length
}

async function importOrThrow(client, record) {
  const { problems } = await importObjects(client, [record])
  if (problems.length === 0) return
  throw new SetupError(`Kibana did not take ${problems.join('; ')}`, "The reason stands in Kibana's own log.")
}

function describe(name, plan, dryRun) {
  const wouldBe = dryRun ? 'would be ' : ''
  const written = plan.filter(({ write }) => write)
  const counts = [
    [`${wouldBe}created`, written.filter(({ verdict }) => verdict === 'create' || verdict === 'deleted').length],
    [`${wouldBe}overwritten`, written.filter(({ verdict }) => verdict !== 'create' && verdict !== 'deleted').length],
    ['left as they are', plan.length - written.length],
  ]
  const words = counts.filter(([, count]) => count > 0).map(([what, count]) => `${count} ${what}`)
  say(`${name}: ${plan.length} objects: ${words.join(', ')}`)
  for (const { key, object, verdict, write } of plan) {
    const title = `${key} "${object.attributes.title}"`
    if (dryRun && write) say(`  ${verdict === 'create' || verdict === 'deleted' ? '+' : '~'} ${title}`)
    else if (!write && LEFT[verdict] !== undefined) say(`  = ${title}: ${LEFT[verdict]}`)
  }
}

/** A convenience: Discover opens with it, unless there is a default already. Not worth failing for. */
async function makeDefault(client, id) {
  const answers = []
  for (const { path, json } of [
    { path: '/api/data_views/default', json: { data_view_id: id, force: false } },
    // Kibana 7.17.
    { path: '/api/index_patterns/default', json: { index_pattern_id: id, force: false } },
  ]) {
    const { status } = await client.call('POST', path, { json })
    if (status === 200) return
    answers.push(`${path}: ${status}`)
    if (status !== 404) break
  }
  say(`the default data view was left as it is (${answers.join(', ')})`)
}
