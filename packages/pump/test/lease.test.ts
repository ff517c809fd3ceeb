import { type RecordBlock, type SourceList, sourceLists } from '@tek/analytics-record'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../../../test/support/eventually.ts'
import { type RedisServer, startRedis } from '../../../test/support/redis.ts'
import { LeaseGoneError, LeaseLostError } from '../src/errors.ts'
import { HeldLeases } from '../src/lease/held-leases.ts'
import { LeaseInspector } from '../src/lease/inspector.ts'
import { Recovery } from '../src/lease/recovery.ts'
import type { Segment } from '../src/lease/segment.ts'
import { type ClaimedLease, type Lease, LeaseStore } from '../src/lease/store.ts'

const source = sourceLists()[0] as SourceList
const { key } = source
const LIVES_MS = 60_000

let server: RedisServer
let client: Redis
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
})

const storeOf = (owner: string, sinks: readonly string[] = ['A', 'B'], ownerTtlMs = LIVES_MS): LeaseStore =>
  new LeaseStore({ client, owner, sinks, ownerTtlMs })

const readAll = async (store: LeaseStore, lease: Lease, from = 0): Promise<string[]> =>
  texts(await store.read(lease, from, 100, 1_000_000))

const texts = (block: RecordBlock): string[] => Array.from({ length: block.length }, (_, i) => String(block.raw(i)))

async function takeThree(store: LeaseStore, id = 'one'): Promise<Lease> {
  await client.rpush(key, 'r0', 'r1', 'r2')
  const lease = await store.take(source, id)
  if (lease === null) throw new Error('nothing was taken')
  return lease
}

async function claim(store: LeaseStore, id = 'one'): Promise<ClaimedLease | null> {
  const { claimed } = await store.claim(source, [{ id, tokens: [] }])
  return claimed[0] ?? null
}

/** What everybody sees once an owner gave no sign for too long. */
const buries = (owner: string): Promise<number> => client.hdel(`{${key}}:owners`, owner)

const listKey = (id: string): string => `{${key}}:lease:${id}`

describe('take', () => {
  it('takes nothing from a list that is not there', async () => {
    expect(await storeOf('me').take(source, 'one')).toBeNull()
    expect(await client.keys('*')).toEqual([])
  })

  it('takes the whole list, oldest first, and removes the TTL a gateway put on it', async () => {
    await client.rpush(key, 'r0', 'r1', 'r2')
    await client.expire(key, 60)
    const store = storeOf('me')
    const lease = await store.take(source, 'one')
    expect(lease?.total).toBe(3)
    expect(await client.exists(key)).toBe(0)
    expect(await client.ttl(listKey('one'))).toBe(-1)
    expect(await readAll(store, lease as Lease)).toEqual(['r0', 'r1', 'r2'])
  })

  it('leaves what a gateway pushes meanwhile in a list of its own', async () => {
    await takeThree(storeOf('me'))
    await client.rpush(key, 'r3')
    expect(await client.lrange(key, 0, -1)).toEqual(['r3'])
  })

  it('does not touch a lease when the id is used already', async () => {
    const store = storeOf('me')
    await takeThree(store)
    await client.rpush(key, 'r3')
    expect(await store.take(source, 'one')).toBeNull()
    expect(await client.llen(key)).toBe(1)
  })
})

describe('read', () => {
  it('stops at the byte bound, and returns one record however long it is', async () => {
    await client.rpush(key, 'a'.repeat(1000), 'b'.repeat(10), 'c'.repeat(10), 'd'.repeat(10))
    const store = storeOf('me')
    const lease = (await store.take(source, 'one')) as Lease
    expect((await store.read(lease, 0, 100, 50)).length).toBe(1)
    expect((await store.read(lease, 1, 100, 25)).length).toBe(2)
    expect((await store.read(lease, 1, 2, 1000)).length).toBe(2)
  })

  it('reads further than the inner step of the script', async () => {
    await client.rpush(key, ...Array.from({ length: 180 }, (_, i) => `r${i}`))
    const store = storeOf('me')
    const lease = (await store.take(source, 'one')) as Lease
    const records = await store.read(lease, 20, 150, 1_000_000)
    expect(texts(records)).toEqual(Array.from({ length: 150 }, (_, i) => `r${i + 20}`))
  })

  it('counts offsets from the start of the lease after it was trimmed', async () => {
    const store = storeOf('me')
    const lease = await takeThree(store)
    await store.commit(lease, 'A', 2)
    await store.commit(lease, 'B', 2)
    expect(await client.llen(listKey('one'))).toBe(1)
    expect(await readAll(store, lease, 2)).toEqual(['r2'])
  })
})

describe('commit', () => {
  it('trims only what every sink has passed', async () => {
    const store = storeOf('me')
    const lease = await takeThree(store)
    expect(await store.commit(lease, 'A', 3)).toBe(3)
    expect(await readAll(store, lease)).toEqual(['r0', 'r1', 'r2'])
    expect(await store.commit(lease, 'B', 1)).toBe(2)
  })

  it('leaves nothing behind once every sink has everything', async () => {
    const store = storeOf('me')
    const lease = await takeThree(store)
    await store.commit(lease, 'A', 3)
    expect(await store.commit(lease, 'B', 3)).toBe(0)
    expect(await client.keys('*')).toEqual([`{${key}}:owners`])
  })

  it('changes nothing when it is repeated after a lost reply', async () => {
    const store = storeOf('me', ['A'])
    const lease = await takeThree(store)
    expect(await store.commit(lease, 'A', 2)).toBe(1)
    expect(await store.commit(lease, 'A', 2)).toBe(1)
    expect(await client.lrange(listKey('one'), 0, -1)).toEqual(['r2'])
  })

  it('takes the last commit, repeated after a lost reply, for done', async () => {
    const store = storeOf('me', ['A'])
    const lease = await takeThree(store)
    expect(await store.commit(lease, 'A', 3)).toBe(0)
    expect(await store.commit(lease, 'A', 3)).toBe(0)
  })

  it('tells a lease that is gone from one that was lost', async () => {
    const store = storeOf('me', ['A'])
    const lease = await takeThree(store)
    await client.flushall()
    await expect(store.commit(lease, 'A', 2)).rejects.toThrow(LeaseGoneError)
    await expect(store.read(lease, 0, 10, 1000)).rejects.toThrow(LeaseGoneError)
  })

  it('goes on after a commit whose reply was lost and that went less far', async () => {
    const store = storeOf('me', ['A'])
    const lease = await takeThree(store)
    await store.commit(lease, 'A', 1)
    expect(await store.commit(lease, 'A', 2)).toBe(1)
    expect(await client.lrange(listKey('one'), 0, -1)).toEqual(['r2'])
  })

  it('goes on after Redis lost the last commits in a failover', async () => {
    const store = storeOf('me', ['A'])
    const lease = await takeThree(store)
    await store.commit(lease, 'A', 1)
    await client.hset(`${listKey('one')}:meta`, 'offset:A', 0, 'acked', 0)
    await client.lpush(listKey('one'), 'r0')
    expect(await store.commit(lease, 'A', 2)).toBe(1)
    expect(await client.lrange(listKey('one'), 0, -1)).toEqual(['r2'])
  })

  it('never moves an offset back', async () => {
    const store = storeOf('me', ['A', 'B'])
    const lease = await takeThree(store)
    await store.commit(lease, 'A', 2)
    await store.commit(lease, 'A', 1)
    await store.commit(lease, 'B', 3)
    expect(await client.lrange(listKey('one'), 0, -1)).toEqual(['r2'])
  })

  it('refuses a stale owner, who can neither read nor trim', async () => {
    const stale = storeOf('stale', ['A'], 1)
    const lease = await takeThree(stale)
    const heir = storeOf('heir', ['A'])
    await eventually(async () => expect(await claim(heir)).not.toBeNull())
    await expect(stale.commit(lease, 'A', 3)).rejects.toThrow(LeaseLostError)
    await expect(stale.read(lease, 0, 10, 1000)).rejects.toThrow(LeaseLostError)
    expect(await client.llen(listKey('one'))).toBe(3)
  })
})

describe('claim', () => {
  it('leaves a lease alone whose owner lives', async () => {
    await takeThree(storeOf('alive'))
    expect(await claim(storeOf('other'))).toBeNull()
  })

  it('goes on at the offset of each sink', async () => {
    const dead = storeOf('dead', ['A', 'B'], 1)
    const lease = await takeThree(dead)
    await dead.commit(lease, 'A', 1)
    await dead.commit(lease, 'B', 2)
    const heir = storeOf('heir')
    const claimed = await eventually(async () => {
      const answer = await claim(heir)
      if (answer === null) throw new Error('its owner still counts as alive')
      return answer
    })
    expect(claimed).toMatchObject({ lease: { id: 'one', total: 3 }, offsets: [1, 2], whole: true })
    expect(await readAll(heir, claimed.lease, 1)).toEqual(['r1', 'r2'])
  })

  it('takes an own lease over again, whose take was answered to nobody', async () => {
    const store = storeOf('me')
    const lease = await takeThree(store)
    expect(await claim(store)).toMatchObject({ lease: { id: lease.id, total: 3 }, offsets: [0, 0] })
    await expect(store.commit(lease, 'A', 3)).rejects.toThrow(LeaseLostError)
  })

  it('leaves alone what this pump holds already', async () => {
    const store = storeOf('me')
    const { token } = await takeThree(store)
    expect(await store.claim(source, [{ id: 'one', tokens: ['other#1', token] }])).toMatchObject({ claimed: [] })
    expect(await store.claim(source, [{ id: 'one', tokens: [`${token}0`] }])).not.toMatchObject({ claimed: [] })
  })

  it('takes a lease whose bookkeeping is lost from its beginning', async () => {
    await takeThree(storeOf('gone'))
    await client.del(`${listKey('one')}:meta`, `{${key}}:leases`, `{${key}}:owners`)
    const heir = storeOf('heir')
    const found = await heir.scanLeases([source])
    expect(found).toEqual(new Map([[source, ['one']]]))
    expect(await claim(heir)).toMatchObject({ lease: { total: 3 }, offsets: [0, 0] })
  })

  it('cleans up after a lease that has no records any more', async () => {
    await takeThree(storeOf('gone', ['A']))
    await client.del(listKey('one'))
    expect(await claim(storeOf('heir', ['A']))).toBeNull()
    expect(await client.keys('*lease*')).toEqual([])
  })

  it('is not kept from other leases by a key of another kind', async () => {
    await takeThree(storeOf('dead'))
    await buries('dead')
    await client.set(listKey('odd'), 'text')
    const requests = ['odd', 'one'].map((id) => ({ id, tokens: [] }))
    const { claimed } = await storeOf('heir').claim(source, requests)
    expect(claimed.map(({ lease }) => lease.id)).toEqual(['one'])
  })

  it('gives a new sink what is left, and leaves the part of a sink that is not there', async () => {
    const store = storeOf('dead', ['A', 'OLD'])
    const lease = await takeThree(store)
    await store.commit(lease, 'A', 2)
    await store.commit(lease, 'OLD', 1)
    await buries('dead')
    const next = storeOf('next', ['A', 'NEW'])
    const { claimed, waiting } = await next.claim(source, [{ id: 'one', tokens: [] }])
    expect(claimed).toMatchObject([{ offsets: [2, 1], whole: false }])
    expect(waiting).toEqual(new Map([['OLD', { leases: 1, records: 2 }]]))
  })
})

describe('a sink that this pump does not have', () => {
  it('keeps its records: the others finish theirs, and a pump that has it goes on at its offset', async () => {
    const store = storeOf('dead', ['A', 'ES'])
    await store.commit(await takeThree(store), 'ES', 1)
    await buries('dead')
    const without = storeOf('without', ['A'])
    const part = await claim(without)
    expect(part?.offsets).toEqual([0])
    expect(await without.commit(part?.lease as Lease, 'A', 3)).toBe(2)
    expect(await claim(without)).toBeNull()
    expect(await client.lrange(listKey('one'), 0, -1)).toEqual(['r1', 'r2'])

    const having = storeOf('having', ['ES'])
    const rest = await claim(having)
    expect(rest?.offsets).toEqual([1])
    expect(await readAll(having, rest?.lease as Lease, 1)).toEqual(['r1', 'r2'])
    expect(await having.commit(rest?.lease as Lease, 'ES', 3)).toBe(0)
    expect(await client.keys('*lease*')).toEqual([])
  })

  it('does not wait for a pump that holds the lease for other sinks', async () => {
    await takeThree(storeOf('dead', ['A', 'ES']))
    await buries('dead')
    const slow = storeOf('slow', ['A'])
    const itsPart = await claim(slow)
    const fast = storeOf('fast', ['A', 'ES'])
    const { claimed, waiting } = await fast.claim(source, [{ id: 'one', tokens: [] }])
    expect(claimed).toMatchObject([{ offsets: [null, 0], whole: false }])
    expect(waiting).toEqual(new Map())
    await fast.commit(claimed[0]?.lease as Lease, 'ES', 3)
    await expect(fast.commit(claimed[0]?.lease as Lease, 'A', 3)).rejects.toThrow(LeaseLostError)
    expect(await slow.commit(itsPart?.lease as Lease, 'A', 3)).toBe(0)
  })

  it('keeps a lease from going back to the source list, which names no sinks', async () => {
    await takeThree(storeOf('dead', ['A', 'ES']))
    await buries('dead')
    const without = storeOf('without', ['A'])
    expect(await without.release((await claim(without))?.lease as Lease, false)).toBe('left')
    expect(await claim(storeOf('having', ['A', 'ES']))).toMatchObject({ offsets: [0, 0] })
  })

  it('is not mixed up with a living pump that has it', async () => {
    await takeThree(storeOf('alive', ['ES']))
    const { waiting } = await storeOf('me', ['A']).claim(source, [{ id: 'one', tokens: [] }])
    expect(waiting).toEqual(new Map())
  })

  it('is found again when the set of leases was lost', async () => {
    await takeThree(storeOf('dead', ['ES']))
    const store = storeOf('me', ['ES', 'A'])
    await buries('dead')
    await client.del(`{${key}}:leases`)
    await storeOf('without', ['B']).claim(source, [{ id: 'one', tokens: [] }])
    expect(await client.smembers(`{${key}}:leases`)).toEqual(['one'])
    expect(await claim(store)).toMatchObject({ offsets: [0, null] })
  })
})

describe('recovery', () => {
  const scriptCalls = async (): Promise<number> =>
    Number(/cmdstat_evalsha:calls=(\d+)/.exec(await client.info('commandstats'))?.[1] ?? 0)

  /** Its clock moves by a second at each look. */
  function recoveryOf(store: LeaseStore) {
    const claimed: ClaimedLease[] = []
    const onClaimed = (_: unknown, more: readonly ClaimedLease[]): void => void claimed.push(...more)
    let time = 0
    const now = (): number => (time += 1000)
    const recovery = new Recovery({ store, held: new HeldLeases(), isOff: () => false, onClaimed, now })
    return { claimed, recovery, pass: (ms: number) => (time += ms) }
  }

  it('asks about a thousand leases of a living pump in a handful of calls', async () => {
    const peer = storeOf('peer')
    for (let i = 0; i < 1000; i++) await takeThree(peer, `lease-${i}`)
    const { claimed, recovery, pass } = recoveryOf(storeOf('me'))
    const before = await scriptCalls()
    await recovery.sweep(source)
    expect((await scriptCalls()) - before).toBeLessThanOrEqual(12)
    expect(claimed).toEqual([])
    await buries('peer')
    await recovery.sweep(source)
    expect(claimed, 'it rests twenty times as long as it took').toEqual([])
    pass(20_000)
    await recovery.sweep(source)
    expect(new Set(claimed.map(({ lease }) => lease.id)).size).toBe(1000)
  })

  it('claims a lease once, however many ask at the same time', async () => {
    await takeThree(storeOf('dead'))
    await buries('dead')
    const held = new HeldLeases()
    const tokens: string[] = []
    const recovery = new Recovery({
      store: storeOf('me'),
      held,
      isOff: () => false,
      onClaimed: (_, claimed) => {
        for (const { lease } of claimed) {
          tokens.push(lease.token)
          held.add({ lease, source, whole: true } as Segment)
        }
      },
    })
    await Promise.all([recovery.sweep(source), recovery.claimFound(source, ['one']), recovery.sweep(source)])
    expect(tokens).toHaveLength(1)
  })
})

describe('what this process holds', () => {
  const segment = (token: string): Segment => ({ source, lease: { id: 'one', token } }) as Segment

  it('loses the very segment that was lost, not a newer one of the same lease', () => {
    const held = new HeldLeases()
    const [stale, fresh] = [segment('me#1'), segment('me#2')]
    held.add(stale)
    held.add(fresh)
    held.remove(stale)
    held.remove(stale)
    expect(held.of(source, 'one')).toEqual([fresh])
    held.remove(fresh)
    expect(held.size).toBe(0)
  })
})

describe('giving up a sink', () => {
  it('counts first, then drops only what nobody holds, and trims to the slowest sink left', async () => {
    const dead = storeOf('dead', ['A', 'ES'])
    await dead.commit(await takeThree(dead, 'one'), 'A', 2)
    await dead.commit(await takeThree(dead, 'two'), 'A', 3)
    await buries('dead')
    await takeThree(storeOf('alive', ['ES']), 'three')
    const inspector = new LeaseInspector(client)
    const busy = { leases: 0, records: 0 }
    const expected = { sink: 'ES', waiting: { leases: 2, records: 6 }, held: { leases: 1, records: 3 }, busy }
    expect(await inspector.drop([source], 'ES', false)).toEqual(expected)
    expect(await inspector.list([source])).toEqual([
      { sink: 'A', waiting: { leases: 1, records: 1 }, held: { leases: 0, records: 0 }, busy },
      expected,
    ])
    expect(await inspector.drop([source], 'ES', true)).toEqual(expected)
    expect(await client.lrange(listKey('one'), 0, -1)).toEqual(['r2'])
    expect(await client.exists(listKey('two'), `${listKey('two')}:meta`)).toBe(0)
    expect(await client.llen(listKey('three'))).toBe(3)
    expect(await claim(storeOf('heir', ['A', 'ES']))).toMatchObject({ offsets: [2, 2] })
  })
})

describe('a lease that changes whenever it is read', () => {
  it('is not given up, and counts as such, because the ledger would be wrong', async () => {
    const store = storeOf('dead', ['A', 'ES'])
    const lease = await takeThree(store)
    await buries('dead')
    const inspector = new LeaseInspector(client, undefined, true)
    const lrange = client.lrangeBuffer.bind(client)
    let reads = 0
    client.lrangeBuffer = async (...args: Parameters<typeof lrange>) => {
      const records = await lrange(...args)
      // What another pump does between the reading and the giving up; it never stops to.
      reads += 1
      await client.hset(`${listKey('one')}:meta`, 'offset:ES', reads % 2)
      return records
    }
    try {
      const busy = await inspector.drop([source], 'ES', true)
      expect(busy).toMatchObject({ waiting: { leases: 0, records: 0 }, held: { leases: 0 }, busy: { leases: 1 } })
      expect(busy.busy.records).toBeGreaterThan(0)
      expect(reads).toBe(5)
    } finally {
      client.lrangeBuffer = lrange
    }
    expect(await client.llen(listKey('one'))).toBe(3)
    const given = await inspector.drop([source], 'ES', true)
    expect(given).toMatchObject({ waiting: { leases: 1 }, busy: { leases: 0, records: 0 } })
    expect(lease.total).toBe(3)
  })
})

describe('a lease that others have finished meanwhile', () => {
  /** As it is when a pump slept: its token is of a hold that another took over, and ended. */
  async function finishedByAnother(
    end: (heir: LeaseStore, lease: Lease) => Promise<unknown>,
  ): Promise<[LeaseStore, Lease]> {
    const slept = storeOf('slept', ['A'])
    const lease = await takeThree(slept)
    await buries('slept')
    const heir = storeOf('heir', ['A'])
    await end(heir, (await claim(heir))?.lease as Lease)
    expect(await client.exists(listKey('one'))).toBe(0)
    return [slept, lease]
  }

  const ends = [
    ['delivered it', (heir: LeaseStore, lease: Lease) => heir.commit(lease, 'A', 3)],
    ['dropped it', (heir: LeaseStore, lease: Lease) => heir.dropOldest(lease, 3)],
    [
      'died and a person gave it up',
      async () => {
        await buries('heir')
        await new LeaseInspector(client).drop([source], 'A', true)
      },
    ],
  ] as const

  it.each(ends)('is lost to the one who slept, not gone: another pump %s', async (_, end) => {
    const [slept, lease] = await finishedByAnother(end)
    await expect(slept.commit(lease, 'A', 2)).rejects.toThrow(LeaseLostError)
    await expect(slept.read(lease, 0, 10, 1000)).rejects.toThrow(LeaseLostError)
    expect(await slept.dropOldest(lease, 2), 'nothing of it is dropped').toBe(false)
  })

  it('is told apart from one that was lost with the rest of Redis', async () => {
    const [slept, lease] = await finishedByAnother((heir, claimed) => heir.commit(claimed, 'A', 3))
    await client.flushall()
    await expect(slept.read(lease, 0, 10, 1000)).rejects.toThrow(LeaseGoneError)
    await expect(slept.commit(lease, 'A', 2)).rejects.toThrow(LeaseGoneError)
  })

  it('counts as done when it was this hold that ended it, and the reply was lost', async () => {
    await takeThree(storeOf('dead', ['A']))
    await buries('dead')
    const heir = storeOf('heir', ['A'])
    const lease = (await claim(heir))?.lease as Lease
    expect(await heir.dropOldest(lease, 3)).toBe(true)
    expect(await heir.dropOldest(lease, 3)).toBe(true)
  })

  it('is forgotten after a while', async () => {
    await finishedByAnother((heir, claimed) => heir.commit(claimed, 'A', 3))
    expect(await client.ttl(`{${key}}:finished:one`)).toBeGreaterThan(3600)
  })
})

describe('release', () => {
  it('puts an untouched lease back before what came meanwhile', async () => {
    const store = storeOf('me')
    const lease = await takeThree(store)
    await client.rpush(key, 'r3', 'r4')
    expect(await store.release(lease, false)).toBe('returned')
    expect(await client.lrange(key, 0, -1)).toEqual(['r0', 'r1', 'r2', 'r3', 'r4'])
    expect(await client.keys('*lease*')).toEqual([])
  })

  it('leaves a lease that was begun to the next pump, at once', async () => {
    const store = storeOf('me')
    const lease = await takeThree(store)
    await store.commit(lease, 'A', 1)
    expect(await store.release(lease, true)).toBe('left')
    expect(await claim(storeOf('next'))).toMatchObject({ offsets: [1, 0] })
  })

  it('does not touch a lease of somebody else', async () => {
    const stale = storeOf('stale')
    const lease = await takeThree(stale)
    await buries('stale')
    await claim(storeOf('heir'))
    expect(await stale.release(lease, false)).toBe('lost')
    expect(await client.llen(listKey('one'))).toBe(3)
  })
})

describe('a Redis that is out of memory', () => {
  it('still lets records go: otherwise it would never get memory back', async () => {
    const store = storeOf('me')
    const lease = await takeThree(store)
    await client.rpush(key, 'r3')
    await client.config('SET', 'maxmemory', '1')
    try {
      await expect(client.rpush(key, 'r4')).rejects.toThrow(/OOM/)
      const second = await store.take(source, 'two')
      await store.renew(source)
      await store.commit(lease, 'A', 3)
      expect(await store.commit(lease, 'B', 3)).toBe(0)
      expect(second).not.toBeNull()
      const again = await claim(store, 'two')
      expect(await store.release(again?.lease as Lease, false)).toBe('returned')
    } finally {
      await client.config('SET', 'maxmemory', '0')
    }
  })
})

describe('renew', () => {
  it('keeps the owner of many leases alive with one entry, and forgets the dead', async () => {
    const dead = storeOf('dead', ['A'], 1)
    await takeThree(dead)
    const alive = storeOf('alive')
    await eventually(async () => {
      await alive.renew(source)
      expect(await client.hkeys(`{${key}}:owners`)).toEqual(['alive'])
    })
  })
})
