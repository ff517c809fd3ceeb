/** Files and folders of spilled records that are gone, damaged or come back, and what a person does about them. */
import { mkdtemp, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { analyticsKey, ledgerKey, sourceLists } from '@tek/analytics-record'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { eventually } from '../../../test/support/eventually.ts'
import { type RedisServer, startRedis } from '../../../test/support/redis.ts'
import { SinkUnavailableError } from '../src/errors.ts'
import { LeaseStore } from '../src/lease/store.ts'
import { RecordReturn } from '../src/lease/put-back.ts'
import { DISK, MissingGiver, type SpillFiles, SpillStore, absentFolders, releaseSpilled } from '../src/spill/index.ts'
import { SpillFolder } from '../src/spill/folder.ts'
import { decodeSpill } from '../src/spill/format.ts'
import { type CommandResult, runHere } from './support/run-command.ts'
import { type RunOptions, elements, paths, runPump } from './support/run-pump.ts'
import { type TestSink, allDelivered, createTestSink } from './support/test-sink.ts'

const key = analyticsKey('msgpack')
const away = (): Promise<never> => Promise.reject(new SinkUnavailableError('away'))
/** Of the test's records. */
const MINUTE = Math.floor(1_790_000_000 / 60)

let server: RedisServer
let client: Redis
let folder: string
beforeAll(async () => {
  server = await startRedis()
  client = new Redis(server.port, { protocol: 2 })
})
afterAll(async () => {
  client.disconnect()
  await server.stop()
})
beforeEach(async () => {
  await client.flushall()
  folder = await mkdtemp(join(tmpdir(), 'tek-spill-'))
})
afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

const startPump = (sinks: readonly TestSink[], more: Partial<RunOptions> & { cap?: object } = {}) =>
  runPump({
    redisPort: server.port,
    sinks,
    conf: { lease_cap: { policy: 'spill', max_records: 40, spill_dir: folder, ...more.cap } },
    ...more,
  })

const segments = async (): Promise<string[]> =>
  (await readdir(folder)).filter((name) => name.endsWith('.segment')).toSorted()

const setAside = async (): Promise<string[]> =>
  (await readdir(folder)).filter((name) => !name.endsWith('.segment') && name !== 'folder.id').toSorted()

const pathIn = (raw: Buffer | null): string | undefined => /\/r\d+/.exec(String(raw))?.[0]

const pathsIn = async (path: string): Promise<string[]> => {
  const { records } = decodeSpill(await readFile(path))
  const text = records.map(({ raw }) => String(raw)).join('\n')
  return [...text.matchAll(/\/r\d+/g)].map(([one]) => one)
}

const leases = (...args: string[]): Promise<CommandResult> =>
  runHere(['leases', ...args], {
    analytics_storage_config: { host: '127.0.0.1', port: server.port },
    pumps: { b: { type: 'dummy' } },
  })

/** What is booked under a name of the ledger, over all lists and minutes. */
async function booked(): Promise<Record<string, number>> {
  const sums: Record<string, number> = {}
  for (const name of await client.keys('*:ledger:*')) {
    if (name.endsWith(':sinks')) continue
    for (const [field, count] of Object.entries(await client.hgetall(name))) {
      sums[field] = (sums[field] ?? 0) + Number(count)
    }
  }
  return sums
}

/** Keys that would be there for ever. */
async function keysWithoutTtl(): Promise<string[]> {
  const names = await client.keys('*')
  const ttls = await Promise.all(names.map((name) => client.ttl(name)))
  return names.filter((name, at) => ttls[at] === -1 && !/:owners$|:ledger:sinks$|^version-check/.test(name))
}

async function expectNothingLeft(): Promise<void> {
  await eventually(async () => {
    expect(await segments()).toEqual([])
    expect(await client.keys('*lease*')).toEqual([])
    expect(await keysWithoutTtl()).toEqual([])
  })
}

/** Ends with the records 0 to 99 taken, of two APIs, of which most lie in files, and no pump. */
async function leaveSpilled(...names: readonly string[]): Promise<void> {
  const sinks = (names.length === 0 ? ['a'] : names).map((name) => createTestSink(name))
  for (const sink of sinks) sink.answer = away
  await client.hset(ledgerKey(key, MINUTE), { 'in:one': 60, 'in:two': 40 })
  await using running = await startPump(sinks)
  for (let at = 0; at < 100; at += 20) {
    await client.rpush(key, ...elements(20, at, { apiId: at < 60 ? 'one' : 'two' }))
    await eventually(async () => expect(await client.exists(key)).toBe(0))
  }
  await eventually(() => expect(running.pump.status().lease_cap?.spilled?.records).toBeGreaterThanOrEqual(60))
}

const pathOf = (name: string): string => join(folder, name)

/** Which pump is dead is known once its time is over. */
async function forgetOwners(): Promise<void> {
  await client.del(...(await client.keys('*:owners')))
}

describe('a file that is gone', () => {
  it('is listed with its folder, time, records and sink, and given up on a word, booked by API', async () => {
    await leaveSpilled()
    const [name = ''] = await segments()
    const lost = (await pathsIn(pathOf(name))).length
    await rm(pathOf(name))
    const sink = createTestSink('a')
    sink.answer = away
    await using running = await startPump([sink])
    await eventually(() => expect(running.pump.status().lease_cap?.spilled?.missing_segments).toBe(1))
    const list = await leases('list')
    expect(list.output).toMatch(
      new RegExp(
        `^MISSING FOR SINK +CONFIGURED +SEGMENTS +RECORDS +SINCE +FOLDER\nA +no +1 +${lost} +20\\d\\d-\\S+:\\d\\dZ +\\S+:${folder}$`,
        'm',
      ),
    )
    const asked = await leases('release', '--missing')
    const what = `${lost} records in 1 missing spilled segment of sink A`
    expect(asked).toEqual({ code: 0, output: `would give up ${what}; repeat with --yes to do it\n` })
    expect(running.pump.status().lease_cap?.spilled?.missing_segments).toBe(1)
    const released = await leases('release', '--missing', '--yes')
    expect(released.code).toBe(0)
    expect(released.output).toContain(`gave up ${what}\n`)
    expect(released.output).toMatch(/level=error message="missing spilled records are dropped".* reason="its file is/)
    await eventually(() => expect(running.pump.status().lease_cap?.spilled?.missing_segments).toBe(0))
    sink.answer = allDelivered
    await eventually(() => expect(sink.delivered.length).toBe(100 - lost))
    await expectNothingLeft()
    const { 'delivered:A:one': one = 0, 'delivered:A:two': two = 0, ...others } = await booked()
    const [gone, api] = one < 60 ? [60 - one, 'one'] : [40 - two, 'two']
    expect(gone).toBe(lost)
    expect(others).toEqual({
      'in:one': 60,
      'in:two': 40,
      [`dropped:A:${api}`]: lost,
      [`file-gone:A:${api}`]: lost,
    })
    const ledger = await runHere(['ledger', '--from=2026-09-21T14:00Z', '--to=2026-09-21T15:00Z', '--sink=a'], {
      analytics_storage_config: { host: '127.0.0.1', port: server.port },
      pumps: { a: { type: 'dummy' } },
    })
    expect(ledger.code).toBe(0)
    expect(ledger.output).toContain(`A: ${lost} records of the dropped ones lay in spill files that are missing\n`)
  })

  it("is in nobody's hands: its sink can be given up beside a pump that has it", async () => {
    await leaveSpilled()
    const [name = ''] = await segments()
    await rm(pathOf(name))
    const sink = createTestSink('a')
    sink.answer = away
    await using running = await startPump([sink])
    await eventually(() => expect(running.pump.status().lease_cap?.spilled?.missing_segments).toBe(1))
    const released = await leases('release', '--sink=a', '--yes')
    expect(released.output).toMatch(/^gave up 5 records in 1 spilled segment of sink A$/m)
    expect(released.output).toMatch(/^left alone, in the hands of a running pump: /m)
    await eventually(async () => {
      expect(running.pump.status().lease_cap?.spilled?.missing_segments).toBe(0)
      expect(await booked()).toMatchObject({
        [Object.keys(await booked()).find((one) => one.startsWith('file')) ?? '']: 5,
      })
    })
  })

  it('comes back by itself when it is found again', async () => {
    await leaveSpilled()
    const [name = ''] = await segments()
    await rename(pathOf(name), `${folder}.kept`)
    const sink = createTestSink('a')
    sink.answer = away
    await using running = await startPump([sink])
    await eventually(() => expect(running.pump.status().lease_cap?.spilled?.missing_segments).toBe(1))
    await rename(`${folder}.kept`, pathOf(name))
    await eventually(() => expect(running.pump.status().lease_cap?.spilled?.missing_segments).toBe(0))
    expect((await leases('list')).output).not.toContain('MISSING')
    sink.answer = allDelivered
    await eventually(() => expect(sink.paths().toSorted()).toEqual(paths(100).toSorted()))
    await expectNothingLeft()
  })

  it('is set aside and not delivered when it comes back after it was given up', async () => {
    await leaveSpilled()
    const [name = ''] = await segments()
    const lost = await pathsIn(pathOf(name))
    await rename(pathOf(name), `${folder}.kept`)
    const sink = createTestSink('a')
    sink.answer = away
    await using running = await startPump([sink])
    await eventually(() => expect(running.pump.status().lease_cap?.spilled?.missing_segments).toBe(1))
    expect((await leases('release', '--missing', '--yes')).code).toBe(0)
    await rename(`${folder}.kept`, pathOf(name))
    sink.answer = allDelivered
    await eventually(async () => expect(await setAside()).toEqual([`${name}.released`]))
    await eventually(() =>
      expect(running.log()).toContain('has come back that was given up, or not needed any more, while it was missing'),
    )
    await expectNothingLeft()
    expect(sink.delivered.length).toBe(100 - lost.length)
    expect(sink.paths().filter((path) => lost.includes(path))).toEqual([])
  })
})

describe('a folder that is gone', () => {
  it('is named, and given up by its id with everything Redis knows of it', async () => {
    await leaveSpilled('a', 'b')
    {
      // Some of what is in files is back in leases, and finished by a pump that does not know the folder.
      const held = createTestSink('a')
      const gate = Promise.withResolvers<void>()
      held.answer = async () => {
        await gate.promise
        throw new SinkUnavailableError('away')
      }
      const b = createTestSink('b')
      b.answer = away
      await using _ = await startPump([held, b], { cap: { max_records: 80 } })
      await eventually(async () => expect(JSON.stringify(await client.hvals(`{${key}}:spilled`))).toContain('back'))
      gate.resolve()
    }
    const id = (await readFile(pathOf('folder.id'), 'utf8')).trim()
    await rm(folder, { recursive: true })
    await forgetOwners()
    const [a, b] = [createTestSink('a'), createTestSink('b')]
    await using running = await startPump([a, b])
    await eventually(async () => {
      expect(running.pump.status().lease_cap?.spilled?.missing_segments).toBeGreaterThan(0)
      expect(await client.keys('*:lease:*')).toEqual([])
    })
    const there = a.delivered.length
    expect(there).toBeLessThan(100)
    const list = await leases('list')
    expect(list.output).toMatch(
      new RegExp(`^folder ${id} at \\S+:${folder}, \\d+ spilled segments: no running pump has it since 20\\d\\d-`, 'm'),
    )
    expect(await leases('release', '--missing', '--yes')).toEqual({
      code: 0,
      output: 'no spilled records are missing\n',
    })
    expect((await leases('release', `--folder=${id}`)).output).toMatch(/would give up \d+ records in \d+ missing .* A;/)
    const released = await leases('release', `--folder=${id}`, '--yes')
    expect(released.code).toBe(0)
    expect(released.output).toContain(`gave up ${100 - there} records in `)
    expect(released.output).toMatch(/reason="no running pump has its folder"/)
    await eventually(() => expect(running.pump.status().lease_cap?.spilled?.missing_segments).toBe(0))
    await expectNothingLeft()
    const all = await booked()
    for (const sink of ['A', 'B']) {
      for (const [api, count] of [
        ['one', 60],
        ['two', 40],
      ] as const) {
        const sum = (all[`delivered:${sink}:${api}`] ?? 0) + (all[`dropped:${sink}:${api}`] ?? 0)
        expect(sum, `${sink} ${api}`).toBe(count)
      }
    }
    expect((await leases('list')).output).toBe('no leases: nothing waits for any sink\n')
  })

  it('is not given up while a running pump has it, and its name must be one that is known', async () => {
    await leaveSpilled()
    const sink = createTestSink('a')
    sink.answer = away
    await using running = await startPump([sink])
    await eventually(() => expect(running.pump.status().lease_cap?.spilled?.segments).toBeGreaterThan(0))
    const id = (await readFile(pathOf('folder.id'), 'utf8')).trim()
    for (const name of [id, 'nowhere']) {
      const refused = await leases('release', `--folder=${name}`, '--yes')
      expect(refused).toMatchObject({
        code: 1,
        output: expect.stringContaining('no folder to give up: it is not known'),
      })
    }
    sink.answer = allDelivered
    await eventually(() => expect(sink.paths().toSorted()).toEqual(paths(100).toSorted()))
  })
})

describe('a folder that a pump has got meanwhile', () => {
  const folderId = async (): Promise<string> => (await readFile(pathOf('folder.id'), 'utf8')).trim()
  const nothingGiven = { sinks: new Map(), forgotten: 0 }

  it('is not given up, whether it was looked through or its files are in hands', async () => {
    await leaveSpilled()
    await forgetOwners()
    const [id, count] = [await folderId(), (await segments()).length]
    const giver = new MissingGiver(client, true)
    const selection = { folder: id, sink: null }
    const [seen = ''] = await client.hvals(`{${key}}:folders`)
    const owner = seen.slice(seen.indexOf(' ') + 1)
    await client.hset(`{${key}}:owners`, owner, Date.now() + 60_000)
    expect(await giver.run(sourceLists(), selection, true)).toEqual({ ...nothingGiven, changing: 0, held: count })
    // Another pump that shares it has died, and had looked through it last.
    await client.hset(`{${key}}:folders`, id, '1 dead')
    expect(await giver.run(sourceLists(), selection, true)).toEqual({ ...nothingGiven, changing: 0, held: count })
    expect(await absentFolders(client, sourceLists())).toEqual([])
    await forgetOwners()
    const [text = '{}'] = await client.hvals(`{${key}}:spilled`)
    const useless = { ...(JSON.parse(text) as object), state: 'useless', total: 0, offsets: {}, holders: {} }
    await client.hset(`{${key}}:spilled`, 'another~1', JSON.stringify(useless))
    // What counts for nothing is no segment to give up.
    expect(await absentFolders(client, sourceLists())).toMatchObject([{ folder: id, segments: count }])
    expect(await giver.run(sourceLists(), selection, true)).toMatchObject({
      forgotten: 1,
      changing: 0,
      held: 0,
    })
    expect(await client.hlen(`{${key}}:spilled`)).toBe(0)
  })

  it('is left where something changes while it is given up', async () => {
    await leaveSpilled()
    await forgetOwners()
    const [id, count] = [await folderId(), (await segments()).length]
    // As somebody who is not known to live yet.
    const reading = vi.spyOn(client, 'hget').mockImplementation(async () => {
      for (const [name, text] of Object.entries(await client.hgetall(`{${key}}:spilled`))) {
        await client.hset(`{${key}}:spilled`, name, JSON.stringify({ ...(JSON.parse(text) as object), holders: {} }))
      }
      return null
    })
    try {
      const released = await new MissingGiver(client, true).run(sourceLists(), { folder: id, sink: null }, true)
      // After the first they are as they were read.
      expect(released.changing).toBeGreaterThan(0)
      const given = released.sinks.get('A')?.segments ?? 0
      expect([released.held, released.changing + given]).toEqual([0, count])
    } finally {
      reading.mockRestore()
    }
  })

  it('is missed also by a container with another name, at the same path', async () => {
    await leaveSpilled()
    await forgetOwners()
    const id = await folderId()
    for (const [name, text] of Object.entries(await client.hgetall(`{${key}}:spilled`))) {
      const entry = { ...(JSON.parse(text) as object), place: `pump-7d9f-x2x4b:${folder}` }
      await client.hset(`{${key}}:spilled`, name, JSON.stringify(entry))
    }
    const count = (await segments()).length
    await rm(folder, { recursive: true })
    const sink = createTestSink('a')
    await using running = await startPump([sink])
    await eventually(() => expect(running.pump.status().lease_cap?.spilled?.missing_segments).toBe(count))
    expect(await folderId()).not.toBe(id)
    await eventually(() => expect(running.log()).toContain('files of spilled records are missing from their folder'))
    const list = await leases('list')
    expect(list.output).toContain(
      `folder ${id} at pump-7d9f-x2x4b:${folder}, ${count} spilled segments: no running pump`,
    )
    expect((await leases('release', '--missing', '--sink=b')).output).toBe('no spilled records of sink B are missing\n')
    const nothing = await leases('release', `--folder=${id}`, '--sink=b')
    expect(nothing).toEqual({ code: 0, output: `nothing of sink B waits in folder ${id}\n` })
  })
})

describe('leases release beside a running pump', () => {
  it('gives up the sink that the pump does not have, and leaves it the files for its own', async () => {
    await leaveSpilled('a', 'b')
    const b = createTestSink('b')
    b.answer = away
    await using running = await startPump([b])
    await eventually(() => expect(running.pump.status().lease_cap?.spilled?.segments).toBeGreaterThan(0))
    // Those that were dead before this pump came count as living for a moment.
    const given: string[] = []
    await eventually(async () => {
      const { code, output } = await leases('release', '--sink=a', '--yes')
      given.push(output)
      expect(code).toBe(0)
    })
    expect(given.join('')).toMatch(/gave up .*spilled segments of sink A/)
    expect((await leases('release', '--sink=b', '--yes')).output).toMatch(/left alone, in the hands of a running pump/)
    b.answer = allDelivered
    await eventually(() => expect(b.paths().toSorted()).toEqual(paths(100).toSorted()))
    await expectNothingLeft()
    expect(await booked()).toMatchObject({
      'dropped:A:one': 60,
      'dropped:A:two': 40,
      'delivered:B:one': 60,
      'delivered:B:two': 40,
    })
  })
})

describe('a damaged file', () => {
  const flip = async (path: string, ...places: readonly number[]): Promise<void> => {
    const bytes = await readFile(path)
    for (const place of places) bytes[place] = (bytes[place] ?? 0) ^ 4
    await writeFile(path, bytes)
  }

  it('is set aside although the pump that has read it ended before its records were delivered', async () => {
    await leaveSpilled()
    const [name = ''] = await segments()
    await flip(pathOf(name), Math.floor((await readFile(pathOf(name))).length / 2))
    {
      const held = createTestSink('a')
      held.answer = away
      await using running = await startPump([held], { cap: { max_records: 500 } })
      await eventually(() => {
        expect(running.pump.status().lease_cap?.spilled).toMatchObject({ segments: 0, damaged_records: 1 })
      })
    }
    const sink = createTestSink('a')
    await using running = await startPump([sink])
    await eventually(() => expect(sink.delivered.length).toBe(99))
    await expectNothingLeft()
    expect(await setAside()).toEqual([`${name}.damaged`])
    await eventually(() => expect(running.log()).toContain('the damaged file of spilled records is set aside'))
  })

  it('without a header that can be read, in a Redis that was emptied: its records go to every sink, and that is said', async () => {
    await leaveSpilled()
    const [name = ''] = await segments()
    const bytes = await readFile(pathOf(name))
    for (let at = bytes.indexOf('HDR\x01'); at >= 0; at = bytes.indexOf('HDR\x01', at + 1)) bytes[at + 20] = 0
    await writeFile(pathOf(name), bytes)
    const inFile = await pathsIn(pathOf(name))
    expect(inFile.length).toBeGreaterThan(0)
    await client.flushall()
    const sink = createTestSink('a')
    await using running = await startPump([sink])
    await eventually(() => expect(sink.paths()).toEqual(expect.arrayContaining(inFile)))
    await expectNothingLeft()
    await eventually(() =>
      expect(running.log()).toMatch(
        /level=error message="a file of spilled records does not say any more for which sinks it is: each sink of this pump gets what can be read of it, and may have had it".* sinks=A/,
      ),
    )
    expect(new Set(sink.paths()).size).toBe(sink.paths().length)
    expect(await setAside()).toEqual([`${name}.damaged`])
  })

  it('without its first and its last header says in its midst for which sinks it is', async () => {
    const header = {
      version: 1,
      id: 'one~1',
      source: key,
      serialisation: 'msgpack',
      offsets: { A: 3 },
      first: 0,
      total: 20,
      only: false,
    } as const
    const raws = elements(20)
    async function* chunks() {
      for (let at = 0; at < 20; at += 10) {
        yield await Promise.resolve(raws.slice(at, at + 10).map((raw, i) => ({ index: at + i, raw })))
      }
    }
    const open = await SpillFolder.open(folder, DISK)
    const file = await open.write(header, chunks(), () => null)
    const bytes = await readFile(open.pathOf(file))
    const torn = bytes.subarray(0, bytes.lastIndexOf('REC\x01'))
    torn.fill(0, 0, 40)
    const decoded = decodeSpill(torn)
    expect(decoded.header).toEqual(header)
    expect(decoded.records.map(({ index }) => index)).toEqual(Array.from({ length: 19 }, (_, i) => i))
    expect(decoded.lost).toBe(1)
  })
})

describe('a folder that several pumps open for the first time', () => {
  it('has one name for all of them', async () => {
    // All of them find it without a name, and then go on one after the other.
    const turns = Array.from({ length: 3 }, () => Promise.withResolvers<void>())
    let seen = 0
    const opening = turns.map(({ promise: turn }) => {
      let isFirst = true
      const files: SpillFiles = {
        ...DISK,
        read: async (path) => {
          const isLook = isFirst && path.endsWith('folder.id')
          if (isLook) isFirst = false
          const found = await DISK.read(path).catch((error: unknown) => error)
          if (isLook) seen += 1
          if (isLook) await turn
          if (found instanceof Error) throw found
          return found as Buffer
        },
      }
      return SpillFolder.open(folder, files)
    })
    await eventually(() => expect(seen).toBe(turns.length))
    const ids: string[] = []
    for (const [at, turn] of turns.entries()) {
      turn.resolve()
      ids.push((await opening[at])?.id ?? '')
    }
    expect(new Set(ids).size).toBe(1)
    expect(ids[0]).toMatch(/^[0-9a-f]{16}$/)
    expect(await readdir(folder)).toEqual(['folder.id'])
  })

  it('has one also where the file system knows no links', async () => {
    const link = (): Promise<never> =>
      Promise.reject(Object.assign(new Error('EPERM: not permitted'), { code: 'EPERM' }))
    const { id } = await SpillFolder.open(folder, { ...DISK, link })
    expect((await SpillFolder.open(folder, DISK)).id).toBe(id)
  })
})

describe('a lease made of a file that is lost', () => {
  it('goes on where it was: nothing is delivered, counted or booked once more', async () => {
    await leaveSpilled()
    const sink = createTestSink('a', { maxRecords: 1 })
    const gate = Promise.withResolvers<void>()
    const inFiles = (await Promise.all((await segments()).map((name) => pathsIn(pathOf(name))))).flat()
    const amid = inFiles[2]
    sink.answer = async (batch) => {
      if (batch[0]?.record.path === amid) await gate.promise
      return batch.map(() => 'delivered' as const)
    }
    await using running = await startPump([sink])
    const lease = await eventually(async () => {
      expect(sink.batches.flat()).toContain(amid)
      const entries = Object.values(await client.hgetall(`{${key}}:spilled`)).map(
        (text) => JSON.parse(text) as { back?: Record<string, unknown> },
      )
      for (const id of entries.flatMap(({ back = {} }) => Object.keys(back))) {
        const list = `{${key}}:lease:${id}`
        const records = await client.lrangeBuffer(list, 0, -1)
        // Two are acknowledged.
        if (String(records[0] ?? '').includes(`${amid}`)) return list
      }
      throw new Error('it is not there yet')
    })
    await client.del(lease, `${lease}:meta`)
    gate.resolve()
    await eventually(() => expect([...new Set(sink.paths())].toSorted()).toEqual(paths(100).toSorted()))
    await expectNothingLeft()
    expect(sink.paths().filter((path) => inFiles.slice(0, 2).includes(path))).toHaveLength(2)
    expect(await booked()).toMatchObject({ 'delivered:A:one': 60, 'delivered:A:two': 40 })
    expect(running.pump.status().sinks['A']).toMatchObject({ dropped: 0, pending: 0 })
  })

  it('is lost for good, and counted so, when its file was given up before', async () => {
    await leaveSpilled('a', 'b')
    let looks = 0
    const spillFiles: SpillFiles = {
      ...DISK,
      list: (path) => {
        looks += 1
        return DISK.list(path)
      },
    }
    const sink = createTestSink('a', { maxRecords: 1 })
    sink.answer = away
    await using running = await startPump([sink], { spillFiles, cap: { max_records: 500 } })
    await eventually(() => expect(running.pump.status().sinks['A']?.pending).toBe(100))
    const made = Object.values(await client.hgetall(`{${key}}:spilled`)).flatMap((text) =>
      Object.keys((JSON.parse(text) as { back?: object }).back ?? {}),
    )
    expect(made.length).toBeGreaterThan(0)
    const lists = made.map((id) => `{${key}}:lease:${id}`)
    const third = new Set(await Promise.all(lists.map(async (list) => pathIn(await client.lindexBuffer(list, 2)))))
    for (const name of await segments()) await rm(pathOf(name))
    await eventually(() => expect(running.pump.status().lease_cap?.spilled?.missing_segments).toBeGreaterThan(0))
    expect((await leases('release', '--missing', '--yes')).code).toBe(0)
    await eventually(async () => expect(await client.hlen(`{${key}}:spilled`)).toBe(0))
    const before = looks
    await eventually(() => expect(looks).toBeGreaterThan(before + 4))
    await client.del(...lists, ...lists.map((list) => `${list}:meta`))
    const gate = Promise.withResolvers<void>()
    // It stops amid a lease, so that there is a commit of a part of it.
    sink.answer = async (batch) => {
      if (third.has(batch[0]?.record.path)) await gate.promise
      return batch.map(() => 'delivered' as const)
    }
    await eventually(() => expect(running.log()).toContain('records are lost: Redis was emptied or evicted them'))
    gate.resolve()
    await eventually(() => expect(running.pump.status().sinks['A']).toMatchObject({ pending: 0 }))
    expect(running.log()).not.toContain('its records come back from their file')
    expect(running.pump.status().sinks['A']?.dropped).toBeGreaterThan(0)
  })

  it('is not counted as dropped by a pump that took it over and does not know the file', async () => {
    await leaveSpilled()
    {
      const held = createTestSink('a')
      held.answer = away
      await using running = await startPump([held], { cap: { max_records: 500 } })
      await eventually(() => expect(running.pump.status().sinks['A']?.pending).toBe(100))
    }
    const entries = Object.values(await client.hgetall(`{${key}}:spilled`)).map(
      (text) => JSON.parse(text) as { back?: Record<string, unknown> },
    )
    const lists = entries.flatMap(({ back = {} }) => Object.keys(back)).map((id) => `{${key}}:lease:${id}`)
    expect(lists.length).toBeGreaterThan(5)
    const other = createTestSink('a', { maxRecords: 1 })
    other.answer = away
    await using stranger = await runPump({ redisPort: server.port, sinks: [other] })
    await eventually(() => expect(stranger.pump.status().sinks['A']?.pending).toBe(100))
    const third = new Set(await Promise.all(lists.map(async (list) => pathIn(await client.lindexBuffer(list, 2)))))
    await client.del(...lists, ...lists.map((list) => `${list}:meta`))
    const gate = Promise.withResolvers<void>()
    // It stops amid a lease, so that there is a commit of a part of it.
    other.answer = async (batch) => {
      if (third.has(batch[0]?.record.path)) await gate.promise
      return batch.map(() => 'delivered' as const)
    }
    await eventually(() => expect(stranger.log()).toContain('its records come back from their file'))
    gate.resolve()
    const sink = createTestSink('a')
    await using _ = await startPump([sink])
    await eventually(() => {
      expect([...new Set([...sink.paths(), ...other.paths()])].toSorted()).toEqual(paths(100).toSorted())
    })
    await expectNothingLeft()
    expect(stranger.log()).not.toContain('records are lost')
    expect(stranger.pump.status().sinks['A']).toMatchObject({ dropped: 0, pending: 0 })
  })
})

describe('a dead letter that is sent again', () => {
  const [source] = sourceLists()
  const raws = elements(1)

  /** Ends with its lease in a file of which Redis has this entry. */
  async function spillReplayed(spills: SpillStore): Promise<{ segmentId: string; returns: RecordReturn }> {
    if (source === undefined) throw new Error('there is no list')
    const returns = new RecordReturn(client)
    expect(await returns.putBack(source, ['A'], raws)).toBe(true)
    const leaseStore = new LeaseStore({ client, owner: 'one', sinks: ['A'], ownerTtlMs: 60_000 })
    const [id = ''] = await client.smembers(`{${source.key}}:leases`)
    const [claimed] = (await leaseStore.claim(source, [{ id, tokens: [] }])).claimed
    if (claimed === undefined) throw new Error('it cannot be claimed')
    const announced = spills.prepare(claimed.lease)
    expect(await spills.announce(announced, 'folder', 'here')).not.toBeNull()
    expect(await spills.commit(announced, 100, 1, null)).toBe('done')
    // Its file has it.
    expect(await returns.putBack(source, ['A'], raws)).toBe(true)
    expect(await client.exists(`{${source.key}}:lease:${id}`)).toBe(0)
    return { segmentId: announced.id, returns }
  }

  it('is put back once more after it came from a file and was refused again', async () => {
    if (source === undefined) throw new Error('there is no list')
    const spills = new SpillStore({ client, owner: 'one', ownerTtlMs: 60_000 })
    const { segmentId, returns } = await spillReplayed(spills)
    const back = { source, segmentId, leaseId: 'f0', entry: null, base: 0, lost: null }
    const answer = await spills.putBack({ ...back, offsets: new Map([['A', 0]]), records: raws })
    // It may have been refused again already.
    expect(await returns.putBack(source, ['A'], raws)).toBe(false)
    expect(await client.smembers(`{${source.key}}:leases`)).toEqual(['f0'])
    const leaseStore = new LeaseStore({ client, owner: 'one', sinks: ['A'], ownerTtlMs: 60_000 })
    expect(await leaseStore.commit({ id: 'f0', source, total: 1, token: answer?.token ?? '' }, 'A', 1)).toBe(0)
    expect(await returns.putBack(source, ['A'], raws)).toBe(true)
    const [id = ''] = await client.smembers(`{${source.key}}:leases`)
    expect(await client.lrangeBuffer(`{${source.key}}:lease:${id}`, 0, -1)).toEqual(raws)
  })

  it('is put back once more after it was given up in its file', async () => {
    if (source === undefined) throw new Error('there is no list')
    const { returns } = await spillReplayed(new SpillStore({ client, owner: 'one', ownerTtlMs: 60_000 }))
    await client.del(`{${source.key}}:owners`)
    expect(await releaseSpilled(client, [source], 'A', true, true)).toMatchObject({ waiting: { records: 1 } })
    expect(await returns.putBack(source, ['A'], raws)).toBe(true)
    const [id = ''] = await client.smembers(`{${source.key}}:leases`)
    expect(await client.lrangeBuffer(`{${source.key}}:lease:${id}`, 0, -1)).toEqual(raws)
  })

  it('stays a letter while a pump has it in hands, or has some of what it was sent with', async () => {
    if (source === undefined) throw new Error('there is no list')
    const returns = new RecordReturn(client)
    expect(await returns.putBack(source, ['A'], elements(2))).toBe(true)
    const leaseStore = new LeaseStore({ client, owner: 'one', sinks: ['A'], ownerTtlMs: 60_000 })
    const [id = ''] = await client.smembers(`{${source.key}}:leases`)
    const [claimed] = (await leaseStore.claim(source, [{ id, tokens: [] }])).claimed
    expect(await returns.putBack(source, ['A'], elements(2))).toBe(false)
    await client.hset(`{${source.key}}:owners`, 'one', 1)
    expect(await returns.putBack(source, ['A'], elements(2))).toBe(true)
    if (claimed !== undefined) expect(await leaseStore.commit(claimed.lease, 'A', 1)).toBe(1)
    expect(await returns.putBack(source, ['A'], elements(2))).toBe(false)
  })
})

describe('a drain', () => {
  it('ends although the folder takes long to look through and a dead pump had put files back', async () => {
    await leaveSpilled()
    {
      const held = createTestSink('a')
      held.answer = away
      await using running = await startPump([held], { cap: { max_records: 500 } })
      await eventually(() => expect(running.pump.status().sinks['A']?.pending).toBe(100))
      // It is killed: nobody gives its leases back.
      const owners = await client.hgetall(`{${key}}:owners`)
      const now = Date.now()
      for (const owner of Object.keys(owners)) await client.hset(`{${key}}:owners`, owner, now + 2_000)
      const metas = await client.keys('*:meta')
      const fields = await Promise.all(metas.map((meta) => client.hgetall(meta)))
      await running[Symbol.asyncDispose]()
      for (const [at, meta] of metas.entries()) await client.hset(meta, fields[at] ?? {})
    }
    const spillFiles: SpillFiles = {
      ...DISK,
      list: async (path) => {
        const names = await DISK.list(path)
        const until = Date.now() + 500
        while (Date.now() < until) await new Promise((resolve) => setImmediate(resolve))
        return names
      },
    }
    const sink = createTestSink('a')
    // One look at the folder is allowed in twenty seconds.
    await using _ = await startPump([sink], { spillFiles })
    await eventually(() => expect(sink.paths().toSorted()).toEqual(paths(100).toSorted()))
    await expectNothingLeft()
  })

  it('syncs the folder for many files at once', async () => {
    await leaveSpilled()
    const count = (await segments()).length
    let syncs = 0
    const spillFiles: SpillFiles = {
      ...DISK,
      syncFolder: (path) => {
        syncs += 1
        return DISK.syncFolder(path)
      },
    }
    const sink = createTestSink('a')
    await using _ = await startPump([sink], { spillFiles, cap: { max_records: 500 } })
    await eventually(() => expect(sink.delivered.length).toBe(100))
    await expectNothingLeft()
    expect(syncs).toBeLessThan(count)
  })
})
