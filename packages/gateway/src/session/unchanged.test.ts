import { describe, expect, test } from 'vitest'
import { bareDigest } from './unchanged.ts'

describe('the digest of a stored session', () => {
  const text = '{"rate":5,"quota_max":9,"quota_remaining":8,"quota_renewal_rate":60,"quota_renews":1700000000}'

  test.each([
    ['other figures', text.replace('"quota_remaining":8', '"quota_remaining":-1')],
    ['no figures', '{"rate":5,"quota_max":9,"quota_renewal_rate":60}'],
    ['figures in another place', '{"quota_renews":1,"rate":5,"quota_max":9,"quota_renewal_rate":60}'],
  ])('is the same with %s', (_, other) => expect(bareDigest(other)).toBe(bareDigest(text)))

  test.each([
    ['another quota', text.replace('"quota_max":9', '"quota_max":90')],
    ['another rate', text.replace('"rate":5', '"rate":50')],
    ['another period', text.replace('"quota_renewal_rate":60', '"quota_renewal_rate":61')],
  ])('is another with %s', (_, other) => expect(bareDigest(other)).not.toBe(bareDigest(text)))
})
