import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSampleUpstream } from './server.ts'

const app = createSampleUpstream()
let base = ''
beforeAll(async () => {
  base = await app.listen({ port: 0, host: '127.0.0.1' })
})
afterAll(() => app.close())

async function json(path: string, init?: RequestInit): Promise<Record<string, unknown>> {
  const answer = await fetch(base + path, init)
  expect(answer.status).toBe(200)
  expect(answer.headers.get('content-type')).toContain('application/json')
  return (await answer.json()) as Record<string, unknown>
}

describe('the sample upstream', () => {
  it('answers /get with args, headers, origin and url', async () => {
    const body = await json('/get?a=1&b=2&b=3', { headers: { user: 'foo@bar.com' } })
    expect(Object.keys(body)).toEqual(['args', 'headers', 'origin', 'url'])
    expect(body['args']).toEqual({ a: '1', b: ['2', '3'] })
    expect(body['headers']).toMatchObject({ User: 'foo@bar.com' })
    expect(body['origin']).toBe('127.0.0.1')
    expect(body['url']).toBe(`${base}/get?a=1&b=2&b=3`)
  })

  it('answers /get as text with two spaces and a newline at the end', async () => {
    const text = await (await fetch(`${base}/get`)).text()
    expect(text.startsWith('{\n  "args": {},')).toBe(true)
    expect(text.endsWith('}\n')).toBe(true)
  })

  it.each(['POST', 'PUT', 'PATCH', 'DELETE'])('echoes a JSON body of %s as data and json', async (method) => {
    const init = { method, body: '{"hello":"world"}', headers: { 'content-type': 'application/json' } }
    const body = await json(`/${method.toLowerCase()}`, init)
    expect(body).toMatchObject({ data: '{"hello":"world"}', json: { hello: 'world' }, form: {}, files: {} })
  })

  it('reads a form and an upload', async () => {
    const form = await json('/post', { method: 'POST', body: new URLSearchParams({ a: '1' }) })
    expect(form).toMatchObject({ form: { a: '1' }, data: '', json: null })
    const upload = new FormData()
    upload.set('file', new Blob(['content']), 'a.txt')
    expect(await json('/post', { method: 'POST', body: upload })).toMatchObject({ files: { file: 'content' } })
  })

  it('shows bytes that are no text as a data URL', async () => {
    const body = await json('/post', { method: 'POST', body: Uint8Array.of(255, 254) })
    expect(body['data']).toBe('data:application/octet-stream;base64,//4=')
  })

  it('tells the method and the deep path of /anything', async () => {
    const body = await json('/anything/deep/path', { method: 'PUT' })
    expect(body).toMatchObject({ method: 'PUT', url: `${base}/anything/deep/path` })
  })

  it.each([
    ['/status/500', 500],
    ['/status/404', 404],
    ['/status/200:0,503:1', 503],
    ['/status/abc', 400],
    ['/nowhere', 404],
  ])('answers %s with %i', async (path, status) => {
    expect((await fetch(base + path)).status).toBe(status)
  })

  it('answers what it does not have with a page, as httpbin does', async () => {
    const answer = await fetch(`${base}/nowhere`)
    expect(answer.headers.get('content-type')).toContain('text/html')
    expect(await answer.text()).toContain('<h1>Not Found</h1>')
    expect((await fetch(`${base}/`)).status).toBe(200)
  })

  it('answers the smaller endpoints', async () => {
    expect(await json('/ip')).toEqual({ origin: '127.0.0.1' })
    expect(await json('/user-agent', { headers: { 'user-agent': 'x' } })).toEqual({ 'user-agent': 'x' })
    expect(await json('/headers')).toHaveProperty('headers.Host')
    expect(await json('/uuid')).toHaveProperty('uuid')
    expect(await json('/delay/0')).toHaveProperty('url')
    expect((await (await fetch(`${base}/bytes/1000`)).arrayBuffer()).byteLength).toBe(1000)
    expect((await (await fetch(`${base}/stream/3`)).text()).trim().split('\n')).toHaveLength(3)
    expect(await (await fetch(`${base}/html`)).text()).toContain('<h1>')
  })
})
