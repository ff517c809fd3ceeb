import { get } from 'node:http'
import { describe, expect, it } from 'vitest'
import { eventually } from '../../../test/support/eventually.ts'
import type { RequestRow } from '../src/api/schema.ts'
import type { Store } from '../src/store/types.ts'
import { startExplorer } from './support/explorer.ts'
import { scriptedStore, untilAborted } from './support/scripted-store.ts'

const row = (fields: RequestRow['fields']): RequestRow => ({ id: 'x', fields })

function withRows(rows: Store['rows'], total = 3): ReturnType<typeof scriptedStore> {
  return scriptedStore({
    rows,
    requests: async () => ({ total: { value: total, exact: true }, traffic: [], rows: [], next: null, partial: null }),
  })
}

describe('an export', () => {
  it('is a CSV file of the columns, with the number of rows before it', async () => {
    const store = withRows(async function* () {
      yield [row({ request_uri: '/a', response_code: 200 })]
      yield [row({ request_uri: '=1+1', response_code: 500 })]
    }, 2)
    await using explorer = await startExplorer({ store })
    const answer = await explorer.get('/api/v1/export?columns=request_uri,response_code&sort=response_code&order=asc')
    expect(answer.headers.get('content-type')).toBe('text/csv; charset=utf-8; header=present')
    expect(answer.headers.get('content-disposition')).toMatch(/^attachment; filename="requests-[\dT-]+\.csv"$/)
    expect(answer.headers.get('x-total-count')).toBe('2')
    expect(await answer.text()).toBe("request_uri,response_code\r\n/a,200\r\n'=1+1,500\r\n")
    expect(store.asked.at(-1)?.question).toMatchObject({ sort: 'response_code', order: 'asc' })
  })

  it('is NDJSON when that is asked for', async () => {
    const store = withRows(async function* () {
      yield [row({ tags: ['a', 'b'] }), row({ tags: [] })]
    })
    await using explorer = await startExplorer({ store })
    const answer = await explorer.get('/api/v1/export?format=ndjson&columns=tags')
    expect(answer.headers.get('content-type')).toBe('application/x-ndjson; charset=utf-8')
    expect(await answer.text()).toBe('{"tags":["a","b"]}\n{"tags":[]}\n')
  })

  it('is whole when its pages are larger than what is sent at once', async () => {
    const paths = Array.from({ length: 500 }, (_, index) => `/${index}/${'x'.repeat(index % 7 === 0 ? 100_000 : 10)}`)
    const store = withRows(async function* () {
      yield paths.map((path) => row({ request_uri: path }))
      yield []
      yield [row({ request_uri: '/last' })]
    })
    await using explorer = await startExplorer({ store })
    const text = await (await explorer.get('/api/v1/export?columns=request_uri')).text()
    expect(text.split('\r\n')).toEqual(['request_uri', ...paths, '/last', ''])
  })

  it('of nothing has its head alone', async () => {
    await using explorer = await startExplorer({ store: withRows(async function* () {}, 0) })
    expect(await (await explorer.get('/api/v1/export?columns=alias')).text()).toBe('alias\r\n')
    expect(await (await explorer.get('/api/v1/export?columns=alias&format=ndjson')).text()).toBe('')
  })

  it('refuses another format', async () => {
    await using explorer = await startExplorer({ store: withRows(async function* () {}) })
    expect((await explorer.get('/api/v1/export?format=xlsx')).status).toBe(400)
  })

  it('reads no faster than its client, and stops reading when that goes away', async () => {
    let pages = 0
    let ended = false
    const big = Array.from({ length: 100 }, () => row({ request_uri: `/${'x'.repeat(1000)}` }))
    const store = withRows(async function* () {
      try {
        for (;;) {
          pages += 1
          yield big
        }
      } finally {
        ended = true
      }
    })
    await using explorer = await startExplorer({ store })
    // The client reads the head, and then nothing.
    const sent = get(`${explorer.url}/api/v1/export?columns=request_uri`)
    sent.on('error', () => undefined)
    const { promise, resolve } = Promise.withResolvers<void>()
    sent.on('response', (answer) => {
      answer.pause()
      answer.on('error', () => undefined)
      resolve()
    })
    await promise
    let before = -1
    await eventually(
      () => {
        const now = pages
        const stands = now === before
        before = now
        if (!stands) throw new Error('still reading')
      },
      10_000,
      200,
    )
    expect(pages).toBeLessThan(500)
    sent.destroy()
    await eventually(() => expect(ended).toBe(true))
  })

  it('is cut, not ended, when the store fails in the midst of it', async () => {
    const store = withRows(async function* () {
      yield [row({ alias: 'a' })]
      throw new Error('the disk is gone')
    })
    await using explorer = await startExplorer({ store })
    const answer = await explorer.get('/api/v1/export?columns=alias')
    expect(answer.status).toBe(200)
    await expect(answer.text()).rejects.toThrow(/terminated|closed|aborted/)
    expect((await explorer.get('/health')).status).toBe(200)
  })

  it('is cut when a page takes longer than a question may', async () => {
    const signals: AbortSignal[] = []
    const store = withRows(async function* (_, signal) {
      signals.push(signal)
      yield [row({ alias: 'a' })]
      await untilAborted(signal)
    })
    await using explorer = await startExplorer({ store, env: { TEK_EXPLORER_TIMEOUT: '1' } })
    const answer = await explorer.get('/api/v1/export?columns=alias')
    await expect(answer.text()).rejects.toThrow(/terminated|closed|aborted/)
    expect(signals[0]?.aborted).toBe(true)
  })
})
