import { expect, test } from 'vitest'
import { orderOf } from './rounds.ts'

const PROGRAMS = ['A', 'B', 'C', 'D', 'E']
const orders = Array.from({ length: 2 * PROGRAMS.length }, (_, round) => orderOf(PROGRAMS, round))

test('of two programs, A B and B A take turns', () => {
  expect([0, 1, 2, 3].map((round) => orderOf(['A', 'B'], round).join(' '))).toEqual(['A B', 'B A', 'B A', 'A B'])
})

test('each program has each place equally often', () => {
  for (const place of PROGRAMS.keys()) {
    const counts = PROGRAMS.map((name) => orders.filter((order) => order[place] === name).length)
    expect(counts).toEqual([2, 2, 2, 2, 2])
  }
})

test('of any two programs each is first in every second round', () => {
  for (const one of PROGRAMS) {
    for (const other of PROGRAMS.filter((name) => name !== one)) {
      const isFirst = orders.map((order) => order.indexOf(one) < order.indexOf(other))
      for (let round = 0; round < orders.length; round += 2) expect(isFirst[round]).toBe(!isFirst[round + 1])
    }
  }
})
