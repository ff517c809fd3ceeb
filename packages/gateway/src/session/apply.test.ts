import { describe, expect, test } from 'vitest'
import { applyPolicies } from './apply.ts'
import { readPolicy } from './policy.ts'
import { readSession, sessionMembers } from './session.ts'

type Json = Record<string, unknown>

const on = (...apiIds: string[]): Json =>
  Object.fromEntries(apiIds.map((id) => [id, { api_id: id, api_name: id, versions: ['Default'] }]))

function outcome(session: Json, policies: Record<string, Json>, orgId = 'default') {
  const known = new Map(
    Object.entries(policies).map(([id, json]) => [id, readPolicy({ org_id: 'default', ...json }, id)]),
  )
  const stored = readSession({ org_id: 'default', ...session })
  return applyPolicies(stored, (id) => known.get(id), orgId)
}

function merged(session: Json, policies: Record<string, Json>): Json {
  const { session: result, failure } = outcome(session, policies)
  if (result === null) throw new Error(failure)
  return sessionMembers(result)
}

const p = { rate: 100, per: 60, quota_max: -1 }

describe('limits and rights merge', () => {
  test.each<[string, Json, Record<string, Json>, Json]>([
    [
      'one plain policy gives everything',
      { apply_policies: ['p1'] },
      { p1: { ...p, access_rights: on('app'), tags: ['t'], meta_data: { plan: 'gold' } } },
      {
        rate: 100,
        per: 60,
        quota_max: -1,
        access_rights: { app: { versions: ['Default'], limit: { rate: 100, per: 60, quota_max: -1 } } },
        tags: ['t'],
        meta_data: { plan: 'gold' },
      },
    ],
    [
      'two policies for one API: the faster rate and the larger quota',
      { apply_policies: ['p1', 'p2'] },
      {
        p1: { rate: 10, per: 1, quota_max: 50, quota_renewal_rate: 3600, access_rights: on('app') },
        p2: { rate: 100, per: 60, quota_max: 500, quota_renewal_rate: 60, access_rights: on('app') },
      },
      {
        rate: 10,
        per: 1,
        quota_max: 500,
        quota_renewal_rate: 3600,
        access_rights: {
          app: { versions: ['Default'], limit: { rate: 10, per: 1, quota_max: 500, quota_renewal_rate: 3600 } },
        },
      },
    ],
    [
      'two policies for two APIs are counted apart',
      { apply_policies: ['p1', 'p2'] },
      { p1: { ...p, rate: 10, access_rights: on('app') }, p2: { ...p, rate: 20, access_rights: on('other') } },
      {
        rate: 20,
        per: 60,
        quota_max: -1,
        access_rights: {
          app: { versions: ['Default'], limit: { rate: 10, per: 60, quota_max: -1 }, allowance_scope: 'p1' },
          other: { versions: ['Default'], limit: { rate: 20, per: 60, quota_max: -1 }, allowance_scope: 'p2' },
        },
      },
    ],
    [
      'partitions each give their part',
      { apply_policies: ['acl', 'rate', 'quota'] },
      {
        acl: { rate: 1, per: 1, quota_max: -1, access_rights: on('app'), partitions: { acl: true } },
        rate: { rate: 33, per: 10, quota_max: -1, access_rights: on('app'), partitions: { rate_limit: true } },
        quota: { ...p, quota_max: 77, quota_renewal_rate: 3600, access_rights: on('app'), partitions: { quota: true } },
      },
      {
        rate: 33,
        per: 10,
        quota_max: 77,
        quota_renewal_rate: 3600,
        access_rights: {
          app: { versions: ['Default'], limit: { rate: 33, per: 10, quota_max: 77, quota_renewal_rate: 3600 } },
        },
      },
    ],
    [
      'rights alone take limits from the key',
      { apply_policies: ['acl'], rate: 7, per: 2, quota_max: 9, quota_renewal_rate: 60 },
      { acl: { access_rights: on('app'), partitions: { acl: true } } },
      {
        rate: 7,
        per: 2,
        quota_max: 9,
        quota_renewal_rate: 60,
        access_rights: {
          app: { versions: ['Default'], limit: { rate: 7, per: 2, quota_max: 9, quota_renewal_rate: 60 } },
        },
      },
    ],
    [
      'an API without rights from any policy is left out',
      { apply_policies: ['acl', 'rate'] },
      {
        acl: { access_rights: on('app'), partitions: { acl: true } },
        rate: { rate: 5, per: 1, access_rights: on('app', 'other'), partitions: { rate_limit: true } },
      },
      { rate: 5, per: 1, access_rights: { app: { versions: ['Default'], limit: { rate: 5, per: 1 } } } },
    ],
    [
      'a per-API policy gives its own limit or that of the API',
      { apply_policies: ['p1'] },
      {
        p1: {
          ...p,
          access_rights: {
            app: {
              api_id: 'app',
              api_name: 'app',
              versions: ['Default'],
              limit: { rate: 5, per: 60, quota_max: 10, quota_renewal_rate: 3600 },
            },
            ...on('other'),
          },
          partitions: { per_api: true },
        },
      },
      {
        access_rights: {
          app: {
            api_name: 'app',
            api_id: 'app',
            versions: ['Default'],
            limit: { rate: 5, per: 60, quota_max: 10, quota_renewal_rate: 3600 },
            allowance_scope: 'app',
          },
          other: {
            api_name: 'other',
            api_id: 'other',
            versions: ['Default'],
            limit: { rate: 100, per: 60, quota_max: -1 },
            allowance_scope: 'p1',
          },
        },
      },
    ],
    [
      'two per-API policies: better limits hold with their counter, the rest is the later one’s',
      { apply_policies: ['fast', 'slow'] },
      {
        fast: {
          rate: 10,
          per: 1,
          quota_max: 5,
          quota_renewal_rate: 60,
          access_rights: on('app'),
          partitions: { per_api: true },
        },
        slow: {
          rate: 1,
          per: 1,
          quota_max: 50,
          quota_renewal_rate: 30,
          access_rights: { app: { versions: ['v2'] } },
          partitions: { per_api: true },
        },
      },
      {
        rate: 10,
        per: 1,
        quota_max: 50,
        quota_renewal_rate: 60,
        access_rights: {
          app: {
            versions: ['v2'],
            limit: { rate: 10, per: 1, quota_max: 50, quota_renewal_rate: 60 },
            allowance_scope: 'fast',
          },
        },
      },
    ],
    [
      'an unlimited per-API quota never renews',
      { apply_policies: ['a', 'b'] },
      {
        a: {
          rate: 1,
          per: 1,
          quota_max: -1,
          quota_renewal_rate: 60,
          access_rights: on('app'),
          partitions: { per_api: true },
        },
        b: {
          rate: 1,
          per: 1,
          quota_max: 9,
          quota_renewal_rate: 30,
          access_rights: { app: {} },
          partitions: { per_api: true },
        },
      },
      {
        rate: 1,
        per: 1,
        quota_max: -1,
        access_rights: { app: { limit: { rate: 1, per: 1, quota_max: -1 }, allowance_scope: 'a' } },
      },
    ],
    [
      'a rate of 0 gives nothing, one of -1 is the fastest',
      { apply_policies: ['none', 'some', 'all'] },
      {
        none: { rate: 0, per: 1, access_rights: on('app') },
        some: { rate: 5, per: 1, access_rights: on('app') },
        all: { rate: -1, per: 1, access_rights: on('app') },
      },
      { rate: -1, per: 1, access_rights: { app: { versions: ['Default'], limit: { rate: -1, per: 1 } } } },
    ],
    [
      'versions, paths and methods are united, the largest throttle holds',
      { apply_policies: ['a', 'b'] },
      {
        a: {
          rate: 1,
          per: 1,
          throttle_interval: 2,
          throttle_retry_limit: 1,
          access_rights: { app: { versions: ['v1'], allowed_urls: [{ url: '/a', methods: ['GET'] }] } },
        },
        b: {
          rate: 1,
          per: 1,
          throttle_interval: 1,
          throttle_retry_limit: 3,
          access_rights: {
            app: {
              versions: ['v2', 'v1'],
              allowed_urls: [
                { url: '/b', methods: ['GET'] },
                { url: '/a', methods: ['GET', 'POST'] },
              ],
            },
          },
        },
      },
      {
        rate: 1,
        per: 1,
        throttle_interval: 2,
        throttle_retry_limit: 3,
        access_rights: {
          app: {
            versions: ['v1', 'v2'],
            allowed_urls: [
              { url: '/a', methods: ['GET', 'POST'] },
              { url: '/b', methods: ['GET'] },
            ],
            limit: { rate: 1, per: 1, throttle_interval: 2, throttle_retry_limit: 3 },
          },
        },
      },
    ],
    [
      'limits of endpoints merge to the faster one, sorted',
      { apply_policies: ['a', 'b'] },
      {
        a: {
          rate: 1,
          per: 1,
          access_rights: {
            app: {
              endpoints: [
                {
                  path: '/x',
                  methods: [
                    { name: 'POST', limit: { rate: 1, per: 1 } },
                    { name: 'GET', limit: { rate: 1, per: 1 } },
                  ],
                },
              ],
            },
          },
        },
        b: {
          rate: 1,
          per: 1,
          access_rights: {
            app: {
              endpoints: [
                { path: '/a', methods: [{ name: 'GET', limit: { rate: 9, per: 1 } }] },
                { path: '/x', methods: [{ name: 'GET', limit: { rate: 2, per: 1 } }] },
              ],
            },
          },
        },
      },
      {
        rate: 1,
        per: 1,
        access_rights: {
          app: {
            limit: { rate: 1, per: 1 },
            endpoints: [
              { path: '/a', methods: [{ name: 'GET', limit: { rate: 9, per: 1 } }] },
              {
                path: '/x',
                methods: [
                  { name: 'GET', limit: { rate: 2, per: 1 } },
                  { name: 'POST', limit: { rate: 1, per: 1 } },
                ],
              },
            ],
          },
        },
      },
    ],
    [
      'a policy without rights speaks for the key itself',
      { apply_policies: ['root'], access_rights: on('app') },
      { root: { rate: 4, per: 2, quota_max: 6, quota_renewal_rate: 8 } },
      { rate: 4, per: 2, quota_max: 6, quota_renewal_rate: 8, access_rights: on('app') },
    ],
    [
      'what was stored from an earlier application is replaced, but for the renewal time',
      {
        apply_policies: ['p1'],
        rate: 999,
        per: 1,
        quota_max: 5,
        access_rights: { gone: {}, app: { limit: { rate: 999, quota_renews: 1234 } } },
      },
      { p1: { rate: 3, per: 9, quota_max: 5, quota_renewal_rate: 60, access_rights: on('app') } },
      {
        rate: 3,
        per: 9,
        quota_max: 5,
        quota_renews: 1234,
        quota_renewal_rate: 60,
        access_rights: {
          app: {
            versions: ['Default'],
            limit: { rate: 3, per: 9, quota_max: 5, quota_renews: 1234, quota_renewal_rate: 60 },
          },
        },
      },
    ],
    [
      'without policies an API with limits of its own is counted apart',
      { rate: 1, per: 1, access_rights: { app: { limit: { rate: 2, per: 1 } }, other: {} } },
      {},
      { rate: 1, per: 1, access_rights: { app: { limit: { rate: 2, per: 1 }, allowance_scope: 'app' }, other: {} } },
    ],
    [
      'policies inside the metadata go before ids',
      {
        apply_policies: ['unknown'],
        meta_data: { policies: [{ id: 'inside', org_id: 'default', rate: 8, per: 1, access_rights: on('app') }] },
      },
      {},
      { rate: 8, per: 1, access_rights: { app: { versions: ['Default'], limit: { rate: 8, per: 1 } } } },
    ],
    [
      'an unknown one of several is passed over',
      { apply_policies: ['unknown', 'p1'] },
      { p1: { ...p, access_rights: on('app') } },
      {
        rate: 100,
        per: 60,
        quota_max: -1,
        access_rights: { app: { versions: ['Default'], limit: { rate: 100, per: 60, quota_max: -1 } } },
      },
    ],
  ])('%s', (_, session, policies, expected) => {
    const result = merged(session, policies)
    delete result['apply_policies']
    delete result['org_id']
    if (!('meta_data' in expected)) delete result['meta_data']
    expect(result).toEqual(expected)
  })
})

describe('a key cannot be used', () => {
  test.each<[string, Json, Record<string, Json>, string]>([
    ['with an unknown policy', { apply_policies: ['x'] }, {}, 'policy not found: "x"'],
    [
      'with a policy of another organisation',
      { apply_policies: ['p1'] },
      { p1: { org_id: 'alien', access_rights: on('app') } },
      'attempting to apply policy from different organisation to key, skipping',
    ],
    [
      'with a policy that is per API and partitioned',
      { apply_policies: ['p1'] },
      { p1: { access_rights: on('app'), partitions: { per_api: true, acl: true } } },
      'cannot apply policy p1 which has per_api and any of partitions set',
    ],
    [
      'with policies of both kinds',
      { apply_policies: ['p1', 'p2'] },
      {
        p1: { access_rights: on('app'), partitions: { per_api: true } },
        p2: { access_rights: on('app'), partitions: { acl: true } },
      },
      'cannot apply multiple policies when some have per_api set and some are partitioned',
    ],
    [
      'with policies that give no rights',
      { apply_policies: ['p1'] },
      { p1: { rate: 1, per: 1 } },
      'key has no valid policies to be applied',
    ],
  ])('%s', (_, session, policies, failure) => {
    expect(outcome(session, policies)).toEqual({ session: null, failure })
  })
})

describe('tags, metadata and state', () => {
  const access_rights = on('app')
  test('tags are united, metadata of the later policy wins over the earlier and over the key', () => {
    const { session } = outcome(
      { apply_policies: ['a', 'b'], tags: ['kt'], meta_data: { plan: 'mine', own: 'yes' } },
      {
        a: { access_rights, tags: ['x'], meta_data: { plan: 'a', a: 1 } },
        b: { access_rights, tags: ['y', 'x'], meta_data: { plan: 'b' } },
      },
    )
    expect(new Set(session?.tags)).toEqual(new Set(['kt', 'x', 'y']))
    expect(session?.meta_data).toEqual({ plan: 'b', own: 'yes', a: 1 })
  })

  test.each([
    ['a policy makes a key inactive', { apply_policies: ['a'] }, { a: { access_rights, is_inactive: true } }, true],
    ['policies overrule the key', { apply_policies: ['a'], is_inactive: true }, { a: { access_rights } }, false],
    ['without policies the key decides', { is_inactive: true }, {}, true],
  ])('%s', (_, session, policies, inactive) => {
    expect(outcome(session, policies).session?.is_inactive).toBe(inactive)
  })

  test('the stored session and the policy stay as they were', () => {
    const policy = readPolicy(
      { org_id: 'default', rate: 1, per: 1, access_rights, meta_data: { a: 1 }, tags: ['t'] },
      'a',
    )
    const stored = readSession({
      org_id: 'default',
      apply_policies: ['a'],
      access_rights: { app: { limit: { rate: 9 } } },
      meta_data: { k: 1 },
    })
    const before = structuredClone([policy, stored])
    applyPolicies(stored, () => policy, 'default')
    applyPolicies(stored, () => policy, 'default')
    expect([policy, stored]).toEqual(before)
  })
})
