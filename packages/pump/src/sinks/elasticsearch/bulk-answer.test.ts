import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { saysAllCreated } from './bulk-answer.ts'
import type { NodeAnswer } from './transport.ts'
import { readBulkAnswer } from './verdicts.ts'

const item = (status: number, more: object = {}): object => ({
  create: { _index: 'tyk_analytics', _id: 'x"status":201', _version: 1, result: 'created', ...more, status },
})
const items = (count: number): object[] => Array.from({ length: count }, () => item(201))
const says = (answer: unknown, count: number): boolean =>
  saysAllCreated(Buffer.from(typeof answer === 'string' ? answer : JSON.stringify(answer)), count)

describe('an answer that says all is created', () => {
  it.each([
    ['of Elasticsearch 8', { errors: false, took: 3, items: items(3) }],
    ['of Elasticsearch 7 and OpenSearch', { took: 3, errors: false, items: items(3) }],
    ['with the time of an ingest pipeline', { took: 3, ingest_took: 1, errors: false, items: items(3) }],
    ['with a line end after it', `${JSON.stringify({ errors: false, items: items(3) })}\n`],
  ])('is recognised: %s', (_, answer) => {
    expect(says(answer, 3)).toBe(true)
  })

  it.each([
    ['errors', { errors: true, took: 3, items: items(3) }, 3],
    ['one that was there already', { errors: false, items: [...items(2), item(409)] }, 3],
    ['fewer items than were sent', { errors: false, took: 3, items: items(2) }, 3],
    ['more items than were sent', { errors: false, took: 3, items: items(4) }, 3],
    ['another item after the last that counts', { errors: false, items: [...items(3), item(400)] }, 3],
    ['a status inside an item only', { errors: false, items: [item(400, { a: { status: 201 } })] }, 1],
    ['braces in a text', { errors: false, items: [{ create: { _id: '}}', status: 201 } }] }, 1],
    ['no items', { errors: false, took: 3 }, 3],
    ['no word on errors', { took: 3, items: items(3) }, 3],
    ['errors in an item only', { took: 3, items: [{ create: { errors: false, status: 201 } }] }, 1],
    ['half of it', JSON.stringify({ errors: false, items: items(3) }).slice(0, -2), 3],
    ['something else', '<html>', 1],
    ['nothing', '', 1],
  ])('is not taken for one: %s', (_, answer, count) => {
    expect(says(answer, count)).toBe(false)
  })

  it('is recognised only where reading every item comes to the same', () => {
    const statuses = fc.array(fc.constantFrom(200, 201, 201, 201, 400, 409, 429), { maxLength: 6 })
    fc.assert(
      fc.property(statuses, fc.boolean(), fc.nat({ max: 6 }), (list, errors, count) => {
        const body = { errors, took: 1, items: list.map((status) => item(status)) }
        const bytes = Buffer.from(JSON.stringify(body))
        if (!saysAllCreated(bytes, count) || count === 0) return
        // Nothing in the bytes is read: this is what the items say.
        const answer: NodeAnswer = {
          status: 200,
          retryAfterMs: null,
          productHeader: null,
          bytes: Buffer.alloc(0),
          body,
        }
        expect(readBulkAnswer(answer, count)).toEqual(Array.from({ length: count }, () => 'delivered'))
        expect(list.length).toBe(count)
      }),
      { numRuns: 2000 },
    )
  })
})
