import { expect, test } from 'vitest'
import { apiWith, contextFor, depsWith, outcomeOf, runSteps, stepsOf } from '../../../test/support/steps.ts'
import { ipAllowListMiddleware } from './index.ts'

const NO = '403 access from this IP has been disallowed'

async function outcome(definition: Record<string, unknown>, address: string): Promise<string> {
  const api = apiWith(definition)
  const ctx = contextFor(api, { headers: ['X-Real-Ip', address] })
  return outcomeOf(await runSteps(stepsOf(api, depsWith(), [ipAllowListMiddleware]), ctx))
}

test.each([
  [['10.1.0.0/16'], '10.1.2.3', 'passed'],
  [['10.1.0.0/16'], '10.2.2.3', NO],
  [['10.1.2.3'], '10.1.2.3', 'passed'],
  [['2001:db8::/32'], '2001:db8::5', 'passed'],
  [['2001:db8::/32'], '2001:db9::5', NO],
  [['::ffff:10.1.2.3'], '10.1.2.3', 'passed'],
  [['0.0.0.0/0'], '2001:db8::5', NO],
  [['nonsense', '10.0.0.0/33', '10.0.0.0/'], '10.0.0.1', NO],
])('%j and %s', async (allowed_ips, address, expected) => {
  expect(await outcome({ allowed_ips, enable_ip_whitelisting: true }, address)).toBe(expected)
})

test('a list counts without its switch, unless access control by address is off', async () => {
  const allowed_ips = ['10.1.1.1']
  expect(await outcome({ allowed_ips }, '10.2.2.2')).toBe(NO)
  expect(await outcome({ allowed_ips, ip_access_control_disabled: true }, '10.2.2.2')).toBe('passed')
  const both = { allowed_ips, ip_access_control_disabled: true, enable_ip_whitelisting: true }
  expect(await outcome(both, '10.2.2.2')).toBe(NO)
})

test('a client whose address is not known is not let in', async () => {
  const api = apiWith({ allowed_ips: ['0.0.0.0/0', '::/0'] })
  const ctx = Object.assign(contextFor(api), { clientIp: '' })
  expect(outcomeOf(await runSteps(stepsOf(api, depsWith(), [ipAllowListMiddleware]), ctx))).toBe(NO)
})

test('without entries there is no step', () => {
  expect(stepsOf(apiWith({ enable_ip_whitelisting: true }), depsWith(), [ipAllowListMiddleware])).toEqual([])
})
