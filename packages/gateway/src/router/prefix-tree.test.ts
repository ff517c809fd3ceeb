import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { createPrefixTree } from './prefix-tree.ts'

const texts = fc.array(fc.string({ unit: fc.constantFrom('/', 'a', 'b'), maxLength: 8 }), { maxLength: 40 })

test('a search visits the texts it begins with, from the shortest to the longest', () => {
  fc.assert(
    fc.property(texts, texts, (inserted, searched) => {
      const tree = createPrefixTree<string>()
      for (const text of inserted) tree.at(text, () => text)
      for (const path of searched) {
        const visited: string[] = []
        tree.visit(path, (text) => visited.push(text))
        const expected = [...new Set(inserted)].filter((text) => path.startsWith(text))
        expect(visited).toEqual(expected.toSorted((a, b) => a.length - b.length))
      }
    }),
  )
})

test('a text keeps its value', () => {
  const tree = createPrefixTree<number[]>()
  for (const [i, text] of ['/app/', '/apple/', '/app/', '', '/ap', '/app/'].entries()) tree.at(text, () => []).push(i)
  const visited: number[][] = []
  tree.visit('/app/x', (values) => visited.push(values))
  expect(visited).toEqual([[3], [4], [0, 2, 5]])
})
