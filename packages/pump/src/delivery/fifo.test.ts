import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Fifo } from './fifo.ts'

const step = fc.oneof(
  fc.record({ kind: fc.constant('push' as const), count: fc.nat({ max: 200 }) }),
  fc.record({ kind: fc.constant('shift' as const), count: fc.nat({ max: 200 }) }),
  fc.record({ kind: fc.constant('prepend' as const), count: fc.nat({ max: 100 }) }),
  fc.record({ kind: fc.constant('remove' as const), count: fc.integer({ min: 1, max: 5 }) }),
)

describe('a queue', () => {
  it('is an array with two ends, whatever is done to it', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const queue = new Fifo<number>()
        let model: number[] = []
        let next = 0
        for (const { kind, count } of steps) {
          const items = Array.from({ length: count }, () => next++)
          if (kind === 'push') {
            for (const item of items) queue.push(item)
            model.push(...items)
          } else if (kind === 'prepend') {
            queue.prepend(items)
            model.unshift(...items)
          } else if (kind === 'remove') {
            queue.removeWhere((item) => item % count === 0)
            model = model.filter((item) => item % count !== 0)
          } else for (let i = 0; i < count; i++) expect(queue.shift()).toBe(model.shift())
          expect([queue.length, queue.peek()]).toEqual([model.length, model[0]])
        }
        while (model.length > 0) expect(queue.shift()).toBe(model.shift())
        expect(queue.shift()).toBeUndefined()
      }),
      { numRuns: 500 },
    )
  })
})
