import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generate } from 'selfsigned'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startProgram } from '../support/process.ts'
import { type Kibana, startKibana } from './support/kibana.ts'
import { packFolder, readObjects, readPayloads } from './support/objects.ts'

const count = readObjects('flat').length
const OVERVIEW = 'dashboard/tyk1-overview'
const RECORD = 'visualization/tyk1-import-record'

interface Run {
  readonly code: number | NodeJS.Signals
  readonly output: string
}

/** Runs the set-up as the service in docker-compose.yml does. */
async function setUp(
  kibana: { url: string },
  args: string[] = [],
  env: NodeJS.ProcessEnv = {},
  folder = packFolder,
): Promise<Run> {
  await using program = startProgram(process.execPath, [join(folder, 'setup.mjs'), ...args], {
    env: { ...process.env, KIBANA_URL: kibana.url, KIBANA_WAIT_SECONDS: '20', ...env },
  })
  const code = await program.exited()
  return { code, output: program.output() }
}

describe('deploy/kibana/setup.mjs', () => {
  let shipped: string
  beforeEach(async () => {
    shipped = await mkdtemp(join(tmpdir(), 'tek-kibana-'))
    await cp(packFolder, shipped, { recursive: true })
  })
  afterEach(() => rm(shipped, { recursive: true }))

  /** A later pack, in which an object has another description. */
  async function shipNewer(id: string): Promise<void> {
    const file = join(shipped, 'flat/objects.ndjson')
    const lines = (await readFile(file, 'utf8')).split('\n')
    const newer = lines.map((line) =>
      line.includes(`"id":"${id}","attributes"`) ? line.replace('"description":"', '"description":"Newer. ') : line,
    )
    expect(newer).not.toEqual(lines)
    await writeFile(file, newer.join('\n'))
  }

  const described = (kibana: Kibana, key: string): unknown => kibana.object(key)?.attributes['description']

  it('imports every object and makes the data view the default one', async () => {
    await using kibana = await startKibana({ startingUp: 1 })
    const { code, output } = await setUp(kibana)
    expect(output).toContain(`flat: ${count} objects: ${count} created`)
    expect(code).toBe(0)
    // And the record of what was imported.
    expect(kibana.objects()).toHaveLength(count + 1)
    expect(kibana.defaults.get('')).toBe('tyk1-records')
  })

  it.each(['7.17.29', '9.2.0'])('does the same with Kibana %s', async (version) => {
    await using kibana = await startKibana({ version })
    expect(await setUp(kibana)).toMatchObject({ code: 0 })
    expect(kibana.objects()).toHaveLength(count + 1)
    expect(kibana.defaults.get('')).toBe('tyk1-records')
  })

  it.each([true, false])('changes nothing the second time (bulk reading: %s)', async (bulkGet) => {
    await using kibana = await startKibana({ bulkGet })
    await setUp(kibana)
    kibana.writes.length = 0
    const { code, output } = await setUp(kibana)
    expect(output).toContain(`${count} left as they are`)
    expect(code).toBe(0)
    expect(kibana.writes).toEqual([])
  })

  it('writes nothing in a dry run and says what it would do', async () => {
    await using kibana = await startKibana()
    const { code, output } = await setUp(kibana, ['--dry-run', '--pack', 'all'])
    expect(output).toContain(`flat: ${count} objects: ${count} would be created`)
    expect(output).toContain('+ dashboard/tyk1-overview "Tyk: Overview"')
    expect(output).toContain('+ map/tyk1ds-map-requests')
    expect(code).toBe(0)
    expect(kibana.writes).toEqual([])
  })

  it('brings a newer version of an object that nobody has edited, also after an upgrade of Kibana', async () => {
    await using kibana = await startKibana()
    await setUp(kibana)
    kibana.upgrade()
    await shipNewer('tyk1-overview')
    const { code, output } = await setUp(kibana, [], {}, shipped)
    expect(output).toContain(`1 overwritten, ${count - 1} left as they are`)
    expect(code).toBe(0)
    expect(described(kibana, OVERVIEW)).toMatch(/^Newer/)
  })

  it('leaves an edited object as it is and names it', async () => {
    await using kibana = await startKibana()
    await setUp(kibana)
    kibana.edit(OVERVIEW, { description: 'mine' })
    await shipNewer('tyk1-overview')
    for (const round of [1, 2]) {
      const { code, output } = await setUp(kibana, [], {}, shipped)
      expect(output, `round ${round}`).toContain(`= ${OVERVIEW} "Tyk: Overview": edited since the import`)
      expect(code).toBe(0)
    }
    expect(described(kibana, OVERVIEW)).toBe('mine')
  })

  it('does not take the counts of looks that Discover keeps in the data view for an edit', async () => {
    await using kibana = await startKibana()
    await setUp(kibana)
    const key = 'index-pattern/tyk1-records'
    const attributes = JSON.parse(kibana.object(key)?.attributes['fieldAttrs'] as string) as Record<string, object>
    const counted = { ...attributes, response_code: { ...attributes['response_code'], count: 3 }, tags: { count: 1 } }
    kibana.edit(key, { fieldAttrs: JSON.stringify(counted) })
    expect((await setUp(kibana)).output).not.toContain('edited')
    kibana.edit(key, { fieldAttrs: '{}' })
    expect((await setUp(kibana)).output).toContain(`= ${key} "tyk_analytics*": edited since the import`)
  })

  it('leaves deleted objects away, except the data view that the others need', async () => {
    await using kibana = await startKibana()
    await setUp(kibana)
    kibana.remove(OVERVIEW)
    kibana.remove('index-pattern/tyk1-records')
    const { output } = await setUp(kibana)
    expect(output).toContain(`1 created, ${count - 1} left as they are`)
    expect(output).toContain(`= ${OVERVIEW} "Tyk: Overview": deleted since the import`)
    expect(kibana.object(OVERVIEW)).toBeUndefined()
    expect(kibana.object('index-pattern/tyk1-records')).toBeDefined()
  })

  it('leaves objects that it has not made, and everything when its record is gone', async () => {
    await using kibana = await startKibana()
    await setUp(kibana)
    kibana.remove(RECORD)
    kibana.writes.length = 0
    const { code, output } = await setUp(kibana)
    expect(output).toContain(`= ${OVERVIEW} "Tyk: Overview": there already and not from this set-up`)
    expect(code).toBe(0)
    expect(kibana.writes).toEqual([])
  })

  it('puts everything back with --restore', async () => {
    await using kibana = await startKibana()
    await setUp(kibana)
    const original = described(kibana, OVERVIEW)
    kibana.edit(OVERVIEW, { description: 'mine' })
    kibana.remove('dashboard/tyk1-errors')
    const { output } = await setUp(kibana, ['--restore'])
    expect(output).toContain(`1 created, 1 overwritten, ${count - 2} left as they are`)
    expect(described(kibana, OVERVIEW)).toBe(original)
    expect(kibana.object('dashboard/tyk1-errors')).toBeDefined()
    expect((await setUp(kibana)).output).toContain(`flat: ${count} objects: ${count} left as they are`)
  })

  it('gives every space ids of its own', async () => {
    await using kibana = await startKibana()
    expect(await setUp(kibana, [], { KIBANA_SPACE: 'ops' })).toMatchObject({ code: 0 })
    expect(await setUp(kibana)).toMatchObject({ code: 0 })
    expect(kibana.objects('ops')).toHaveLength(count + 1)
    expect(kibana.objects()).toHaveLength(count + 1)
    const here = new Set(kibana.objects().map(({ id }) => id))
    expect(kibana.objects('ops').filter(({ id }) => here.has(id))).toEqual([])
    const links = kibana.object('visualization/tyk1-ops-errors-links', 'ops')?.attributes['visState']
    expect(links).toContain('#/view/tyk1-ops-overview')
    expect(kibana.defaults.get('ops')).toBe('tyk1-ops-records')
  })

  it('names what Kibana does not take, keeps the rest and ends with 1', async () => {
    await using kibana = await startKibana({ unsupported: ['lens'] })
    const { code, output } = await setUp(kibana)
    expect(output).toContain('Kibana did not take lens/tyk1-overview-classes: this Kibana has no such type of object')
    expect(code).toBe(1)
    expect(kibana.object(OVERVIEW)).toBeDefined()
    expect((await setUp(kibana)).code).toBe(1)
  })

  it('creates alert rules once where they are offered', async () => {
    await using kibana = await startKibana({ alerting: { key: true, types: ['.es-query', '.index-threshold'] } })
    const rules = readPayloads('flat', 'rules.json')
    expect((await setUp(kibana, ['--rules'])).output).toContain(`alert rules: ${rules.length} created`)
    expect([...kibana.rules.keys()]).toEqual(rules.map(({ id }) => id))
    kibana.writes.length = 0
    const { code, output } = await setUp(kibana, ['--rules'])
    expect(output).toContain(`alert rules: ${rules.length} there already`)
    expect(code).toBe(0)
    expect(kibana.writes).toEqual([])
  })

  it.each([
    ['the key is missing', { key: false, types: ['.es-query'] }, 'set xpack.encryptedSavedObjects.encryptionKey'],
    ['a rule type is missing', { key: true, types: ['.es-query'] }, 'lacks the rule type .index-threshold'],
  ])('says why there are no alert rules when %s', async (_, alerting, reason) => {
    await using kibana = await startKibana({ alerting })
    const { code, output } = await setUp(kibana, ['--rules'])
    expect(output).toMatch(/alert rules: none created: /)
    expect(output).toContain(reason)
    expect(code).toBe(0)
    expect(kibana.rules.size).toBe(0)
  })

  it.each([
    ['8.19.9', true, 'SLOs: 2 created'],
    ['8.19.9', false, 'SLOs: none created: Platinum license or higher is needed'],
    ['8.19.9', undefined, 'SLOs: none created: this Kibana has no SLOs'],
    ['7.17.29', undefined, 'SLOs: none created: Kibana 8.12 or newer is needed, this is 7.17.29'],
  ])('with Kibana %s and a licence for SLOs %s says "%s"', async (version, slos, line) => {
    await using kibana = await startKibana({ version, ...(slos === undefined ? {} : { slos }) })
    const { code, output } = await setUp(kibana, ['--slos'])
    expect(output).toContain(line)
    expect(code).toBe(0)
    expect(kibana.slos.size).toBe(slos === true ? 2 : 0)
  })

  it.each([{ KIBANA_USERNAME: 'elastic', KIBANA_PASSWORD: 'pä:ss' }, { KIBANA_API_KEY: 'aWQ6a2V5' }])(
    'signs in with %o',
    async (env) => {
      const basic = `Basic ${Buffer.from('elastic:pä:ss').toString('base64')}`
      const authorization = 'KIBANA_API_KEY' in env ? 'ApiKey aWQ6a2V5' : basic
      await using kibana = await startKibana({ authorization })
      expect(await setUp(kibana, [], env)).toMatchObject({ code: 0 })
      expect(kibana.objects()).toHaveLength(count + 1)
    },
  )

  it.each([
    [{}, 'does not accept requests without credentials'],
    [{ KIBANA_API_KEY: 'wrong-secret' }, 'does not accept the credentials'],
  ])('says what to do when Kibana does not let it in (%o)', async (env, message) => {
    await using kibana = await startKibana({ authorization: 'ApiKey right' })
    const { code, output } = await setUp(kibana, [], env)
    expect(output).toContain(message)
    expect(output).toContain('=> Set KIBANA_USERNAME and KIBANA_PASSWORD, or KIBANA_API_KEY.')
    expect(output).not.toContain('wrong-secret')
    expect(code).toBe(1)
  })

  it('talks TLS, with the certificate authority it is given', async () => {
    await using kibana = await startKibana()
    const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }], {
      extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }],
    })
    const front = createServer({ key, cert }, (req, res) => {
      void (async () => {
        const chunks: Buffer[] = []
        for await (const chunk of req) chunks.push(chunk as Buffer)
        const { host: _, ...headers } = req.headers as Record<string, string>
        const body = Buffer.concat(chunks)
        const answer = await fetch(kibana.url + req.url, {
          method: req.method ?? '',
          headers: without(headers),
          ...(body.length > 0 && { body }),
        })
        res.writeHead(answer.status).end(await answer.text())
      })()
    })
    const { promise, resolve } = Promise.withResolvers<void>()
    front.listen(0, '127.0.0.1', resolve)
    await promise
    const url = `https://localhost:${(front.address() as AddressInfo).port}`
    const ca = join(shipped, 'ca.pem')
    await writeFile(ca, cert)
    try {
      const without_ca = await setUp({ url })
      expect(without_ca.output).toContain('=> Set KIBANA_CA to the PEM file of its certificate authority')
      expect(without_ca.code).toBe(1)
      expect(await setUp({ url }, [], { KIBANA_CA: ca })).toMatchObject({ code: 0 })
    } finally {
      front.close()
      front.closeAllConnections()
    }
  })

  it('knows its objects when it was ended after the import, but not those edited since', async () => {
    await using kibana = await startKibana({ cuts: [1] })
    expect(await setUp(kibana)).toMatchObject({ code: 1 })
    expect(kibana.objects()).toHaveLength(count + 1)
    kibana.edit('dashboard/tyk1-errors', { description: 'mine' })
    const { code, output } = await setUp(kibana)
    expect(output).toContain(`flat: ${count} objects: ${count} left as they are`)
    expect(output).toContain('= dashboard/tyk1-errors "Tyk: Errors and reasons": there already')
    expect(code).toBe(0)
    await shipNewer('tyk1-overview')
    expect((await setUp(kibana, [], {}, shipped)).output).toContain(`1 overwritten, ${count - 1} left as they are`)
    expect(described(kibana, 'dashboard/tyk1-errors')).toBe('mine')
  })

  it('says what to do when the connection breaks, and goes on the next time', async () => {
    await using kibana = await startKibana({ cuts: [0] })
    const broken = await setUp(kibana)
    expect(broken.output).toMatch(/error: POST .*_import.*: socket hang up/)
    expect(broken.output).toContain('=> Is Kibana still running?')
    expect(broken.code).toBe(1)
    expect(await setUp(kibana)).toMatchObject({ code: 0 })
    expect(kibana.objects()).toHaveLength(count + 1)
  })

  it.each([
    ['2.19.6', 'Kibana 7.17 or newer is needed, this is 2.19.6'],
    ['7.16.3', 'Kibana 7.17 or newer is needed, this is 7.16.3'],
  ])('refuses version %s', async (version, message) => {
    await using kibana = await startKibana({ version })
    const { code, output } = await setUp(kibana)
    expect(output).toContain(message)
    expect(code).toBe(1)
    expect(kibana.writes).toEqual([])
  })

  it('gives up on a Kibana that is not there, or still starting', async () => {
    await using kibana = await startKibana({ startingUp: 1000 })
    const starting = await setUp(kibana, [], { KIBANA_WAIT_SECONDS: '0' })
    expect(starting.output).toContain('is not ready after 0 s: GET /api/status answered 503')
    expect(starting.code).toBe(1)
    await kibana.close()
    const gone = await setUp(kibana, [], { KIBANA_WAIT_SECONDS: '0' })
    expect(gone.output).toContain('ECONNREFUSED')
    expect(gone.code).toBe(1)
  })

  it('says that the base path is missing', async () => {
    await using kibana = await startKibana()
    const { code, output } = await setUp({ url: `${kibana.url}/kibana/` })
    expect(output).toContain('put that into KIBANA_URL')
    expect(code).toBe(1)
  })

  it.each([
    [['--nonsense'], {}, 'unknown option --nonsense'],
    [['--pack', 'other'], {}, 'unknown pack "other"'],
    [[], { KIBANA_DRY_RUN: 'maybe' }, 'KIBANA_DRY_RUN is neither true nor false'],
    [[], { KIBANA_SPACE: 'My Space' }, 'KIBANA_SPACE is no id of a space'],
    [[], { KIBANA_USERNAME: 'elastic' }, 'KIBANA_PASSWORD is missing'],
    [[], { KIBANA_URL: 'kibana:5601' }, 'KIBANA_URL is not an http or https URL'],
    [[], { KIBANA_CA: '/nowhere.pem' }, 'KIBANA_CA cannot be read'],
    [[], { KIBANA_WAIT_SECONDS: 'long' }, 'KIBANA_WAIT_SECONDS is no number of seconds'],
  ])('ends with 2 for %j %o', async (args, env, message) => {
    const { code, output } = await setUp({ url: 'http://127.0.0.1:1' }, args, env)
    expect(output).toContain(`error: ${message}`)
    expect(output).toContain('=> ')
    expect(code).toBe(2)
  })

  it('shows its options', async () => {
    const { code, output } = await setUp({ url: 'http://127.0.0.1:1' }, ['--help'])
    expect(output).toContain('--dry-run')
    expect(code).toBe(0)
  })
})

/** Headers that fetch sets itself. */
function without(headers: Record<string, string>): Record<string, string> {
  const { connection: _connection, 'content-length': _length, ...rest } = headers
  return rest
}
