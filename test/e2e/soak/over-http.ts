import http, { type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type { Call, Send } from './call.ts'

interface Plan extends RequestOptions {
  /** Listen path and behaviour, e.g. `open/echo`. */
  readonly to: string
  /** On a connection of its own. */
  readonly fresh?: boolean
  readonly body?: { readonly bytes: number; readonly chunked?: boolean }
  readonly key?: string
}

function begin(call: Call, { to, fresh, body, key, ...more }: Plan, id: number): ClientRequest {
  const headers: Record<string, string | number> = { ...(more.headers as Record<string, string> | undefined) }
  if (body !== undefined && body.chunked !== true) headers['Content-Length'] = body.bytes
  if (key !== undefined) headers['Authorization'] = call.keys[key] ?? key
  const agent = fresh === true ? false : call.agent
  const method = body === undefined ? 'GET' : 'POST'
  const request = http.request({
    host: '127.0.0.1',
    port: call.port,
    path: `/${to}/${id}`,
    method,
    agent,
    ...more,
    headers,
  })
  // Whoever waits for an event hears of it as well.
  return request.on('error', () => {})
}

const block = Buffer.alloc(16 * 1024, 'b')

async function sendBody(request: ClientRequest, bytes: number): Promise<void> {
  for (let left = bytes; left > 0; left -= block.length) {
    const more = request.write(left >= block.length ? block : block.subarray(0, left))
    if (!more) await once(request, 'drain')
  }
}

/** The status of an answer that came whole, and its body's size. */
async function finished(request: ClientRequest): Promise<{ status: number; bytes: number; text: string }> {
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  let bytes = 0
  let text = ''
  for await (const chunk of response) {
    bytes += (chunk as Buffer).length
    if (bytes < 1000) text += String(chunk)
  }
  if (!response.complete) throw new Error('the answer was cut')
  return { status: response.statusCode ?? 0, bytes, text }
}

/** A request with a whole answer. */
export function ask(plan: Plan, statuses: readonly number[], bytes?: number): Send {
  return async (call) => {
    const id = call.open()
    const request = begin(call, plan, id)
    const answer = finished(request)
    // The answer may come, or fail, before the body is sent.
    answer.catch(() => {})
    if (plan.body !== undefined) await sendBody(request, plan.body.bytes)
    request.end()
    const { status, bytes: received, text } = await answer
    call.answered(id, status)
    if (!statuses.includes(status)) throw new Error(`answered ${status} ${text}`)
    if (bytes !== undefined && received !== bytes) throw new Error(`${received} bytes in place of ${bytes}`)
    const { body } = plan
    if (status === 200 && body !== undefined && text !== String(body.bytes)) throw new Error(`echoed ${text}`)
  }
}

/** An answer that the upstream cuts: it must not look whole. */
export function askCut(plan: Plan): Send {
  return async (call) => {
    const id = call.open()
    const request = begin(call, plan, id).end()
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    call.answered(id, response.statusCode ?? 0)
    if (response.statusCode !== 200) throw new Error(`answered ${response.statusCode}`)
    response.on('error', () => {}).resume()
    await new Promise((resolve) => response.once('close', resolve))
    if (response.complete) throw new Error('a cut answer looks whole')
  }
}

/** Goes away after the request has left, at any moment up to a limit. */
export function leaveEarly(plan: Plan, maxWaitMs: number): Send {
  return async (call) => {
    const id = call.open()
    const request = begin(call, { ...plan, fresh: true }, id)
    const gone = once(request, 'finish')
    request.end()
    await gone
    await delay(call.random.next() * maxWaitMs)
    request.destroy()
  }
}

/** Goes away with the first bytes of the answer's body. */
export function leaveInBody(plan: Plan): Send {
  return async (call) => {
    const id = call.open()
    const request = begin(call, { ...plan, fresh: true }, id).end()
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    response.on('error', () => {})
    await once(response, 'data')
    call.answered(id, response.statusCode ?? 0)
    response.destroy()
  }
}

/** Goes away in the middle of its own body. */
export function leaveInUpload(plan: Plan, sentBytes: number): Send {
  return async (call) => {
    const id = call.open()
    const request = begin(call, { ...plan, fresh: true }, id)
    await sendBody(request, sentBytes)
    await new Promise((resolve) => request.write('x', resolve))
    await delay(call.random.next() * 20)
    request.destroy()
  }
}

/** Takes a large answer in small helpings. */
export function readSlowly(plan: Plan, bytes: number): Send {
  return async (call) => {
    const id = call.open()
    const request = begin(call, { ...plan, fresh: true }, id).end()
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    let received = 0
    for await (const chunk of response) {
      received += (chunk as Buffer).length
      await delay(call.random.next() * 40)
    }
    call.answered(id, response.statusCode ?? 0)
    if (received !== bytes) throw new Error(`${received} bytes in place of ${bytes}`)
  }
}

/** Reads an event stream for a while; `leaves`: and goes away, else the upstream ends it. */
export function listen(plan: Plan, leaves: boolean): Send {
  return async (call) => {
    const id = call.open()
    const request = begin(call, { ...plan, fresh: true }, id).end()
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    call.answered(id, response.statusCode ?? 0)
    response.on('error', () => {})
    const closed = new Promise((resolve) => response.once('close', resolve))
    await once(response, 'data')
    if (leaves) {
      await delay(call.random.next() * 200)
      response.destroy()
    } else {
      response.resume()
      await closed
    }
  }
}
