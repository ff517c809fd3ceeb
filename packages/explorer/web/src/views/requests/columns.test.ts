import { describe, expect, it } from 'vitest'
import { askedColumns, moveColumn, shownColumns, shownSort, storedColumns, USUAL_COLUMNS } from './columns.ts'

const field = (name: string, available: boolean) => ({ name, available, kind: 'keyword' as const, doc: '' })

describe('columns', () => {
  it('are the usual ones that the store keeps', () => {
    expect(shownColumns([], [field('alias', false)])).toEqual(USUAL_COLUMNS.filter((name) => name !== 'alias'))
    expect(shownColumns(['tags'], [])).toEqual(['tags'])
    expect(shownColumns(['none', 'tags'], [field('tags', true)])).toEqual(['tags'])
    expect(shownColumns(['none'], [field('tags', true)])).toEqual(USUAL_COLUMNS)
  })

  it('sort rows if they have an order', () => {
    const fields = [field('alias', true), { ...field('tags', true), kind: 'list' as const }]
    expect(['alias', 'tags', 'none', ''].map((name) => shownSort(name, fields))).toEqual([
      'alias',
      '@timestamp',
      '@timestamp',
      '@timestamp',
    ])
  })

  it('are asked for together with what a row on a phone shows', () => {
    expect(askedColumns(['tags'], []).split(',')).toEqual(expect.arrayContaining(['tags', '@timestamp', 'request_uri']))
    expect(askedColumns(['tags'], [field('tags', false)])).not.toContain('tags')
  })

  it('move by one and not over an end', () => {
    expect(moveColumn(['a', 'b', 'c'], 'b', 1)).toEqual(['a', 'c', 'b'])
    expect(moveColumn(['a', 'b', 'c'], 'a', -1)).toEqual(['a', 'b', 'c'])
  })

  it('are left out of the URL when they are the usual ones', () => {
    expect(storedColumns([...USUAL_COLUMNS])).toEqual([])
    expect(storedColumns(['alias'])).toEqual(['alias'])
  })
})
