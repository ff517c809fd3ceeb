/** One request as the upstream must have parsed it, without what the gateway always adds. */
export interface Seen {
  readonly method: string
  readonly target: string
  /** The client's header lines as they go on, in their order. */
  readonly lines: readonly string[]
  readonly body: string
  /** Framed by chunks; else by its length. */
  readonly chunked: boolean
  readonly trailers: readonly string[]
  /** What the client had in X-Forwarded-For. */
  readonly forwardedFor: string | null
}

/**
 * What a client sends, byte for byte, and what must become of it. Behind the bytes of every case comes one more request,
 * which must be served if and only if the connection goes on.
 */
export interface HostileCase {
  readonly name: string
  readonly bytes: string
  /** The answers the client gets, in their order: a request that the upstream answers, or a status of the gateway's own. */
  readonly answers: readonly (Seen | number)[]
  /** The connection serves what comes behind; else it is closed. */
  readonly goesOn: boolean
  /** The upstream may see the beginning of a message, though never all of it: its body turned out malformed. */
  readonly breaksOff: boolean
  /** The client's side ends behind the bytes. */
  readonly halfClose: boolean
}

const CASE = { goesOn: false, breaksOff: false, halfClose: false } as const

export const seen = (method: string, target: string, rest: Partial<Seen> = {}): Seen => ({
  method,
  target,
  lines: [],
  body: '',
  chunked: false,
  trailers: [],
  forwardedFor: null,
  ...rest,
})

/** Nothing of it reaches the upstream; the client gets one answer, and the connection is closed. */
export const refused = (name: string, bytes: string, status = 400): HostileCase => ({
  ...CASE,
  name,
  bytes,
  answers: [status],
})

/** The upstream sees exactly this, and the connection goes on. */
export const forwarded = (name: string, bytes: string, ...answers: readonly Seen[]): HostileCase => ({
  ...CASE,
  name,
  bytes,
  answers,
  goesOn: true,
})

/** The same, but the connection is closed behind the answer. */
export const forwardedLast = (name: string, bytes: string, ...answers: readonly (Seen | number)[]): HostileCase => ({
  ...CASE,
  name,
  bytes,
  answers,
})

/** Answered by the gateway itself, and the connection goes on. */
export const answered = (name: string, bytes: string, status: number): HostileCase => ({
  ...CASE,
  name,
  bytes,
  answers: [status],
  goesOn: true,
})

/** Malformed only in its body, part of which may be on its way already. */
export const brokenOff = (name: string, bytes: string, status = 400): HostileCase => ({
  ...CASE,
  name,
  bytes,
  answers: [status],
  breaksOff: true,
})

export const halfClosed = (each: HostileCase): HostileCase => ({ ...each, halfClose: true })

export const HOST = 'Host: client.test\r\n'

/** A request without a body. @param lines - More header lines, each with its end. */
export const get = (lines = '', target = '/x'): string => `GET ${target} HTTP/1.1\r\n${HOST}${lines}\r\n`

export const post = (lines: string, body = ''): string => `POST /x HTTP/1.1\r\n${HOST}${lines}\r\n${body}`

/** A request with a chunked body, whose framing is in the body's text. */
export const chunked = (body: string, lines = ''): string => post(`Transfer-Encoding: chunked\r\n${lines}`, body)

/** What somebody hides in a body, or behind one. */
export const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: client.test\r\n\r\n'

export const seenHello = seen('POST', '/x', { body: 'hello' })
export const seenEmpty = seen('POST', '/x', { chunked: true })

/** Comes behind every case. */
export const FOLLOW_UP = 'GET /after HTTP/1.1\r\nHost: client.test\r\nConnection: close\r\n\r\n'
export const seenFollowUp = seen('GET', '/after')
