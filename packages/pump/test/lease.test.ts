import { sourceLists } from '@tek/analytics-record'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../../../test/support/eventually.ts'
import { type RedisServer, startRedis } from '../../../test/support/redis.ts'
import { LeaseGoneError, LeaseLostError } from '../src/errors.ts'
import { type Lease, LeaseStore } from '../src/lease/store.ts'

const [source] = sourceLists()
if (source === undefined) throw new Error('there are no source lists')
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
  (await store.read(lease, from, 100, 1_000_000)).map(String)

async function takeThree(store: LeaseStore, id = 'one'): Promise<Lease> {
  await client.rpush(key, 'r0', 'r1', 'r2')
  const lease = await store.take(source as never, id)
  if (lease === null) throw new Error('nothing was taken')
  return lease
}

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
    expect(records.map(String)).toEqual(Array.from({ length: 150 }, (_, i) => `r${i + 20}`))
  })

  it('counts offsets from the start of the lease after it was trimmed', async () => {
    const store = storeOf('me')
    const lease = await takeThree(store)
    await store.commit(lease, 'A', 0, 2)
    await store.commit(lease, 'B', 0, 2)
    expect(await client.llen(listKey('one'))).toBe(1)
    expect(await readAll(store, lease, 2)).toEqual(['r2'])
  })
})

describe('commit', () => {
  it('trims only what every sink has passed', async () => {
    const store = storeOf('me')
    const lease = await takeThree(store)
    expect(await store.commit(lease, 'A', 0, 3)).toBe(3)
    expect(await readAll(store, lease)).toEqual(['r0', 'r1', 'r2'])
    expect(await store.commit(lease, 'B', 0, 1)).toBe(2)
  })

  it('leaves nothing behind once every sink has everything', async () => {
    const store = storeOf('me')
    const lease = await takeThree(store)
    await store.commit(lease, 'A', 0, 3)
    expect(await store.commit(lease, 'B', 0, 3)).toBe(0)
    expect(await client.keys('*')).toEqual([`{${key}}:owners`])
  })

  it('changes nothing when it is repeated after a lost reply', async () => {
    const store = storeOf('me', ['A'])
    const lease = await takeThree(store)
    expect(await store.commit(lease, 'A', 0, 2)).toBe(1)
    expect(await store.commit(lease, 'A', 0, 2)).toBe(1)
    expect(await client.lrange(listKey('one'), 0, -1)).toEqual(['r2'])
  })

  it('takes the last commit, repeated after a lost reply, for done', async () => {
    const store = storeOf('me', ['A'])
    const lease = await takeThree(store)
    expect(await store.commit(lease, 'A', 0, 3)).toBe(0)
    expect(await store.commit(lease, 'A', 0, 3)).toBe(0)
  })

  it('tells a lease that is gone from one that was lost', async () => {
    const store = storeOf('me', ['A'])
    const lease = await takeThree(store)
    await client.flushall()
    await expect(store.commit(lease, 'A', 0, 2)).rejects.toThrow(LeaseGoneError)
    await expect(store.read(lease, 0, 10, 1000)).rejects.toThrow(LeaseGoneError)
  })

  it('refuses an offset that does not follow from what Redis knows', async () => {
    const store = storeOf('me', ['A'])
    const lease = await takeThree(store)
    await expect(store.commit(lease, 'A', 1, 2)).rejects.toThrow(LeaseLostError)
    expect(await client.llen(listKey('one'))).toBe(3)
  })

  it('refuses a stale owner, who can neither read nor trim', async () => {
    const stale = storeOf('stale', ['A'], 1)
    const lease = await takeThree(stale)
    const heir = storeOf('heir', ['A'])
    await eventually(async () => expect(await heir.recover(source, 'one')).not.toBeNull())
    await expect(stale.commit(lease, 'A', 0, 3)).rejects.toThrow(LeaseLostError)
    await expect(stale.read(lease, 0, 10, 1000)).rejects.toThrow(LeaseLostError)
    expect(await client.llen(listKey('one'))).toBe(3)
  })
})

describe('recover', () => {
  it('leaves a lease alone whose owner lives', async () => {
    await takeThree(storeOf('alive'))
    expect(await storeOf('other').recover(source, 'one')).toBeNull()
  })

  it('goes on at the offset of each sink', async () => {
    const dead = storeOf('dead', ['A', 'B'], 1)
    const lease = await takeThree(dead)
    await dead.commit(lease, 'A', 0, 1)
    await dead.commit(lease, 'B', 0, 2)
    const heir = storeOf('heir')
    const recovered = await eventually(async () => {
      const answer = await heir.recover(source, 'one')
      if (answer === null) throw new Error('its owner still counts as alive')
      return answer
    })
    expect(recovered).toEqual({ lease, offsets: [1, 2], givenUp: [] })
    expect(await readAll(heir, recovered.lease, 1)).toEqual(['r1', 'r2'])
  })

  it('takes an own lease over again, whose take was answered to nobody', async () => {
    const store = storeOf('me')
    const lease = await takeThree(store)
    expect(await store.recover(source, 'one')).toEqual({ lease, offsets: [0, 0], givenUp: [] })
  })

  it('takes a lease whose bookkeeping is lost from its beginning', async () => {
    await takeThree(storeOf('gone'))
    await client.del(`${listKey('one')}:meta`, `{${key}}:leases`, `{${key}}:owners`)
    const heir = storeOf('heir')
    const found = await heir.scanLeases([source])
    expect(found).toEqual(new Map([[source, ['one']]]))
    expect(await heir.recover(source, 'one')).toMatchObject({ lease: { total: 3 }, offsets: [0, 0] })
  })

  it('cleans up after a lease that has no records any more', async () => {
    await takeThree(storeOf('gone', ['A'], 1))
    await client.del(listKey('one'))
    const heir = storeOf('heir', ['A'])
    await eventually(async () => {
      expect(await heir.recover(source, 'one')).toBeNull()
      expect(await heir.listLeases(source)).toEqual([])
    })
  })

  it('gives a new sink what is left, and gives up the records of a sink that is gone', async () => {
    const store = storeOf('me', ['A', 'OLD'])
    const lease = await takeThree(store)
    await store.commit(lease, 'A', 0, 2)
    await store.commit(lease, 'OLD', 0, 1)
    const next = storeOf('me', ['A', 'NEW'])
    expect(await next.recover(source, 'one')).toEqual({ lease, offsets: [2, 1], givenUp: ['OLD'] })
  })

  it('ends a lease that only a removed sink had not finished', async () => {
    const store = storeOf('me', ['A', 'OLD'])
    const lease = await takeThree(store)
    await store.commit(lease, 'A', 0, 3)
    expect(await storeOf('me', ['A']).recover(source, 'one')).toMatchObject({ offsets: [3], givenUp: ['OLD'] })
    expect(await client.keys('*lease*')).toEqual([])
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
    await store.commit(lease, 'A', 0, 1)
    expect(await store.release(lease, true)).toBe('left')
    expect(await storeOf('next').recover(source, 'one')).toMatchObject({ offsets: [1, 0] })
  })

  it('does not touch a lease of somebody else', async () => {
    const lease = await takeThree(storeOf('other'))
    expect(await storeOf('me').release(lease, false)).toBe('lost')
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
      await store.commit(lease, 'A', 0, 3)
      expect(await store.commit(lease, 'B', 0, 3)).toBe(0)
      expect(await store.recover(source, 'two')).not.toBeNull()
      expect(await store.release(second as Lease, false)).toBe('returned')
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
