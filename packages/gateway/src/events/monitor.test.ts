import { expect, test } from 'vitest'
import { readSession } from '../session/session.ts'
import { findTrigger, type CountedQuota } from './monitor.ts'

const NOW = 1_700_000_000
const quota = (remaining: number, renews = NOW + 10): object => ({
  quota_max: 10,
  quota_remaining: remaining,
  quota_renews: renews,
})
const limits = (...trigger_limits: unknown[]): object => ({ monitor: { trigger_limits } })
const right = (limit: object, scope = ''): object => ({ limit, allowance_scope: scope })

test.each<[name: string, session: object, counted: CountedQuota | null, global: number, limit: number | null]>([
  ['nothing below every limit', { ...quota(6), ...limits(50) }, null, 90, null],
  ['the limit that is reached exactly', { ...quota(5), ...limits(50) }, null, 90, 50],
  ['the first of several, in their order', { ...quota(1), ...limits(50, 80) }, null, 0, 50],
  ['the one for all keys first', { ...quota(1), ...limits(50) }, null, 90, 90],
  [
    'nothing of a copy that holds nothing: a policy may have cleared it',
    { ...quota(0), ...limits(50) },
    null,
    90,
    null,
  ],
  ['a quota that is counted as used up', { ...quota(9) }, { scope: '', remaining: 0, renews: NOW + 1 }, 90, 90],
  ['the one for all keys once, where a session repeats it', { ...quota(1), ...limits(95, 90) }, null, 90, 90],
  ['none for all keys when it is 0', { ...quota(0) }, null, 0, null],
  ['nothing of a quota that has renewed since', { ...quota(0, NOW), ...limits(50) }, null, 90, null],
  ['nothing of a session without quota', { quota_max: -1, ...limits(50) }, null, 90, null],
  [
    'what was just counted, not the copy',
    { ...quota(9), ...limits(50) },
    { scope: '', remaining: 5, renews: NOW + 1 },
    0,
    50,
  ],
  ['the quota of an API', { access_rights: { a: right(quota(2)) }, ...limits(80) }, null, 0, 80],
  [
    'the count of a scope in its own quota alone',
    { ...quota(9), access_rights: { a: right(quota(9), 's'), b: right(quota(9), 't') }, ...limits(50) },
    { scope: 't', remaining: 4, renews: NOW + 1 },
    0,
    50,
  ],
  ['limits that are no numbers as none', { ...quota(0), ...limits('50', null) }, null, 0, null],
  ['a monitor of another form as none', { ...quota(0), monitor: [50] }, null, 0, null],
])('finds %s', (_, session, counted, global, limit) => {
  expect(findTrigger(readSession(session), counted, global, NOW)?.limit ?? null).toBe(limit)
})
