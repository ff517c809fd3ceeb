import { describe, expect, it } from 'vitest'
import { emptyRecord } from '../record.ts'
import { RecordBlock } from './block.ts'
import { decodeRecord } from './decode.ts'
import { encodeRecord } from './encode.ts'
import { locateFields } from './locate.ts'
import { apiIdIn } from './located.ts'

describe('the API id of a located record', () => {
  it.each(['', 'httpbin', '5e189590801287e42a6cf5ce', 'ünïcode ✓', 'x'.repeat(31), 'x'.repeat(32), 'y'.repeat(300)])(
    'is %j as the decoder gives it',
    (apiId) => {
      const raws = [encodeRecord(emptyRecord()), encodeRecord({ ...emptyRecord(), apiId, apiName: 'after' })]
      const block = new RecordBlock(raws)
      expect([locateFields(block, 0), locateFields(block, 1)]).toEqual([true, true])
      expect(apiIdIn(block, 1)).toBe(decodeRecord(raws[1]!).apiId)
      // Once more, from the cache.
      expect(apiIdIn(block, 1)).toBe(apiId)
      expect(apiIdIn(block, 0)).toBe('')
    },
  )

  it('is empty when the record has none', () => {
    // A map of one field, the method.
    const block = new RecordBlock([Buffer.from([0x81, 0xa6, ...Buffer.from('Method'), 0xa3, ...Buffer.from('GET')])])
    expect(locateFields(block, 0)).toBe(true)
    expect(apiIdIn(block, 0)).toBe('')
  })
})
