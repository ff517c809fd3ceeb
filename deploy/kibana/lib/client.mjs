/** Requests to Kibana. `node:http` instead of `fetch`, which takes no certificate authority. */
import http from 'node:http'
import https from 'node:https'
import { setTimeout as delay } from 'node:timers/promises'
import { SetupError } from './errors.mjs'

const TIMEOUT_MS = 60_000
const BUSY = new Set([429, 502, 503])

/** Where a certificate is refused, waiting does not help. */
const TLS_CODES = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ERR_TLS/

/**
 * @typedef {{ status: number, body: any, text: string }} Answer
 * @param {{ url: string, space: string, authorization: string | null, ca?: Buffer, waitSeconds: number }} options
 */
export function createClient({ url, space, authorization, ca, waitSeconds }) {
  const deadline = Date.now() + waitSeconds * 1000
  const prefix = space === '' ? '' : `/s/${space}`

  /**
   * Sends one request and repeats it while Kibana is busy. Any other answer is the caller's to judge.
   *
   * @returns {Promise<Answer>}
   */
  async function call(method, path, { json, multipart } = {}) {
    for (let attempt = 0; ; attempt++) {
      const answer = await send(method, `${url}${prefix}${path}`, json, multipart).catch((cause) => {
        throw new SetupError(
          `${method} ${url}${prefix}${path}: ${cause.message || cause.code}`,
          'Is Kibana still running? Start the set-up again: it goes on where it stopped.',
          { cause },
        )
      })
      if (!BUSY.has(answer.status) || attempt >= 5) return answer
      await delay(500 * 2 ** attempt)
    }
  }

  function send(method, target, json, multipart) {
    const headers = { accept: 'application/json', 'kbn-xsrf': 'tek' }
    if (authorization !== null) headers.authorization = authorization
    let body
    if (json !== undefined) {
      body = Buffer.from(JSON.stringify(json))
      headers['content-type'] = 'application/json'
    } else if (multipart !== undefined) {
      const boundary = `tek-${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`
      body = formOf(boundary, multipart)
      headers['content-type'] = `multipart/form-data; boundary=${boundary}`
    }
    if (body !== undefined) headers['content-length'] = body.length
    return new Promise((resolve, reject) => {
      const transport = target.startsWith('https:') ? https : http
      const request = transport.request(target, { method, headers, ca, timeout: TIMEOUT_MS, agent: false })
      request.on('timeout', () => request.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)))
      request.on('error', reject)
      request.on('response', (response) => {
        const chunks = []
        response.on('data', (chunk) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8')
          resolve({ status: response.statusCode, text, body: parse(text) })
        })
      })
      request.end(body)
    })
  }

  return {
    url,
    call,

    /** Resolves with Kibana's version once it is ready. */
    async untilReady() {
      let last = 'it did not answer'
      for (;;) {
        const state = await ready()
        if (typeof state === 'object') return state.version
        last = state
        if (Date.now() >= deadline) {
          throw new SetupError(
            `Kibana at ${url} is not ready after ${waitSeconds} s: ${last}`,
            'Look at its log. KIBANA_URL is its address; KIBANA_WAIT_SECONDS is how long to wait.',
          )
        }
        await delay(Math.min(1000, Math.max(50, deadline - Date.now())))
      }
    },
  }

  /** The version, or why it is worth asking again. */
  async function ready() {
    let answer
    try {
      answer = await send('GET', `${url}/api/status`)
    } catch (cause) {
      if (TLS_CODES.test(cause.code ?? '')) {
        throw new SetupError(
          `the certificate of ${url} is not accepted: ${cause.message}`,
          'Set KIBANA_CA to the PEM file of its certificate authority, or correct the host name in KIBANA_URL.',
          { cause },
        )
      }
      if (cause.code === 'EPROTO' || cause.code === 'ERR_SSL_WRONG_VERSION_NUMBER') {
        throw new SetupError(
          `what answers at ${url} does not speak TLS, or no version that this Node.js speaks`,
          'Begin KIBANA_URL with http:// if Kibana has no certificate.',
          { cause },
        )
      }
      return cause.message || cause.code
    }
    const { status, body } = answer
    if (status === 401 || status === 403) throw refused(status)
    if (status === 404) {
      throw new SetupError(
        `GET ${url}/api/status answered 404`,
        'This is not Kibana, or it has a server.basePath: put that into KIBANA_URL.',
      )
    }
    if (status !== 200) return `GET /api/status answered ${status}`
    const overall = body?.status?.overall
    const level = overall?.level ?? (overall?.state === 'green' ? 'available' : overall?.state)
    if (level !== 'available' && level !== 'degraded') return `its status is ${level ?? 'unknown'}`
    // Kibana tells strangers no more than its level.
    if (body.version?.number === undefined) throw refused(status)
    return { version: String(body.version.number) }
  }

  function refused(status) {
    return new SetupError(
      `Kibana at ${url} does not accept ${authorization === null ? 'requests without credentials' : 'the credentials'} (${status})`,
      'Set KIBANA_USERNAME and KIBANA_PASSWORD, or KIBANA_API_KEY.',
    )
  }
}

/** An answer that should not have come, as an error that names the place. */
export function unexpected(what, { status, body, text }) {
  const reason = body?.message ?? text.slice(0, 300)
  const cures = {
    400: 'Kibana does not understand the request. Is it 7.17 or newer?',
    401: 'Set KIBANA_USERNAME and KIBANA_PASSWORD, or KIBANA_API_KEY.',
    403: 'The user needs the privilege "all" on dashboards, Visualize library, Maps, Discover and Saved Objects Management of this space.',
    404: 'Is KIBANA_SPACE the id of a space that exists?',
    413: 'Raise savedObjects.maxImportPayloadBytes in kibana.yml, or the limit of a proxy before it.',
    422: 'This Kibana is older than the pack: 7.17 or newer is needed.',
  }
  const cure = cures[status] ?? "The reason stands in Kibana's own log."
  return new SetupError(`${what} answered ${status}: ${reason}`, cure)
}

function parse(text) {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** One file, whose name has to end in .ndjson. */
function formOf(boundary, { name, fileName, text }) {
  const head = `--${boundary}\r\ncontent-disposition: form-data; name="${name}"; filename="${fileName}"\r\ncontent-type: application/ndjson\r\n\r\n`
  return Buffer.from(`${head}${text}\r\n--${boundary}--\r\n`)
}
