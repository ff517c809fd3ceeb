import { expect, test } from 'vitest'
import { apiWith, contextFor, depsWith, outcomeOf, runSteps, stepsOf } from '../../../test/support/steps.ts'
import { ipDenyListMiddleware } from './index.ts'

const NO = '403 access from this IP has been disallowed'

test.each([
  ['10.1.2.3', NO],
  ['127.0.0.9', NO],
  ['127.0.0.1', 'passed'],
  ['fe80::1', NO],
])('%s', async (address, expected) => {
  const api = apiWith({ blacklisted_ips: ['10.1.0.0/16', '127.0.0.9', 'nonsense', 'fe80::/10'] })
  const ctx = contextFor(api, { headers: ['X-Real-Ip', address] })
  expect(outcomeOf(await runSteps(stepsOf(api, depsWith(), [ipDenyListMiddleware]), ctx))).toBe(expected)
})

test('a link-local peer is known by its address, whatever the interface', async () => {
  const api = apiWith({ blacklisted_ips: ['fe80::/10'] })
  const ctx = Object.assign(contextFor(api), { clientIp: 'fe80::1%eth0' })
  expect(outcomeOf(await runSteps(stepsOf(api, depsWith(), [ipDenyListMiddleware]), ctx))).toBe(NO)
})

test('without entries, or switched off, there is no step', () => {
  expect(stepsOf(apiWith({ enable_ip_blacklisting: true }), depsWith(), [ipDenyListMiddleware])).toEqual([])
  const off = apiWith({ blacklisted_ips: ['10.0.0.1'], ip_access_control_disabled: true })
  expect(stepsOf(off, depsWith(), [ipDenyListMiddleware])).toEqual([])
})
