import { describe, expect, test } from 'vitest'
import { createBulkAnswers } from './bulk-answer.ts'

describe('the answer of the counting Elasticsearch', () => {
  const answers = createBulkAnswers()
  const of = (documents: number, filterPath: string | null): unknown =>
    JSON.parse(answers.answer(documents, filterPath).toString())

  test('has one item for each document', () => {
    const { errors, items } = of(3, null) as { errors: boolean; items: { create: { status: number } }[] }
    expect([errors, items.map(({ create }) => create.status)]).toEqual([false, [201, 201, 201]])
  })

  test.each([
    ['errors,items.*.status', { errors: false, items: [{ create: { status: 201 } }] }],
    ['errors,items.create.status', { errors: false, items: [{ create: { status: 201 } }] }],
    ['errors,items.*.error', { errors: false }],
  ])('keeps what %s names', (filterPath, expected) => expect(of(1, filterPath)).toEqual(expected))
})
