import { expect, it } from 'vitest'
import { lonePoints } from './lone-points.ts'

it.each([
  [[], []],
  [[7], [0]],
  [[null, 3, null], [1]],
  [
    [1, null, 2, 3, null, 0],
    [0, 5],
  ],
  [[1, 2, undefined], []],
  [[null, null], []],
] as const)('of %j have no neighbour: %j', (values, expected) => {
  expect(lonePoints(values)).toEqual(expected)
})
