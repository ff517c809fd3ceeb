import type { AnalyticsRecord } from '@tek/analytics-record'
import type { Expectation } from './ledger.ts'
import type { Send } from './call.ts'
import { ask, askCut, leaveEarly, leaveInBody, leaveInUpload, listen, readSlowly } from './over-http.ts'
import { overHttp2 } from './over-http2.ts'
import { babble, pipeline, talk } from './over-sockets.ts'
import { LARGE_BYTES } from './upstream.ts'

export interface Kind extends Expectation {
  /** How often, relative to the others. */
  readonly weight: number
  /** Its time is not the gateway's: left out where the rate is measured. */
  readonly lasts: boolean
  readonly send: Send
}

const UPGRADE = { Connection: 'Upgrade', Upgrade: 'websocket' }

const hasMessages = ({ rawRequest, rawResponse }: AnalyticsRecord): boolean => rawRequest !== '' && rawResponse !== ''

const NONE = null
/** The client may be gone before or after the answer's head. */
const LEFT = [499, 200]

const quick = (
  name: string,
  weight: number,
  codes: readonly number[] | null,
  send: Send,
  check?: Expectation['check'],
): Kind => ({
  name,
  weight,
  codes,
  send,
  lasts: false,
  apiId: name.split(':', 1)[0] as string,
  ...(check && { check }),
})

const lasting = (...args: Parameters<typeof quick>): Kind => ({ ...quick(...args), lasts: true })

/** What is sent and what the record table of the analytics says about it. Each name begins with the API's id. */
export const kinds: readonly Kind[] = [
  quick('open: get', 300, [200], ask({ to: 'open/echo' }, [200])),
  quick('open: get, fresh connection', 80, [200], ask({ to: 'open/echo', fresh: true }, [200])),
  quick('open: head', 10, [200], ask({ to: 'open/echo', method: 'HEAD' }, [200], 0)),
  quick('open: post', 80, [200], ask({ to: 'open/echo', body: { bytes: 2000 } }, [200])),
  quick('open: post, chunked', 40, [200], ask({ to: 'open/echo', body: { bytes: 5000, chunked: true } }, [200])),
  quick('open: post, large', 8, [200], ask({ to: 'open/echo', body: { bytes: 400_000 } }, [200])),
  quick(
    'open: post, large chunked',
    8,
    [200],
    ask({ to: 'open/echo', body: { bytes: 400_000, chunked: true } }, [200]),
  ),
  quick('open: large', 10, [200], ask({ to: 'open/large' }, [200], LARGE_BYTES)),
  quick('open: large, chunked', 10, [200], ask({ to: 'open/large-chunked' }, [200], LARGE_BYTES)),
  quick('open: 204', 10, [204], ask({ to: 'open/empty' }, [204], 0)),
  quick('open: 304', 10, [304], ask({ to: 'open/unmodified' }, [304], 0)),
  quick('open: upstream 404', 10, [404], ask({ to: 'open/status', headers: { 'X-Status': '404' } }, [404])),
  quick('open: upstream 503', 10, [503], ask({ to: 'open/status', headers: { 'X-Status': '503' } }, [503])),
  quick('open: pipelined', 10, [200], pipeline(['open/echo', 'open/echo', 'open/large'], false)),
  quick('open: not tracked path', 10, NONE, ask({ to: 'open/quiet' }, [501])),
  quick('open: reset before the answer', 8, [500], ask({ to: 'open/reset' }, [500])),
  quick('open: closed before the answer', 8, [500], ask({ to: 'open/close', body: { bytes: 10 } }, [500])),
  quick('open: garbage for an answer', 8, [500], ask({ to: 'open/garbage' }, [500])),
  quick('open: cut answer', 8, [200], askCut({ to: 'open/cut', fresh: true })),
  quick('open: cut answer, chunked', 8, [200], askCut({ to: 'open/cut-chunked', fresh: true })),
  lasting('open: no answer in time', 4, [504], ask({ to: 'open/hang', fresh: true }, [504])),
  lasting('open: no answer in time, post', 4, [504], ask({ to: 'open/hang', fresh: true, body: { bytes: 9 } }, [504])),
  lasting('open: hard timeout', 4, [504], ask({ to: 'open/hang/hard', fresh: true }, [504])),
  quick('open: leaves at once', 20, LEFT, leaveEarly({ to: 'open/echo' }, 3)),
  quick('open: leaves before the answer', 10, LEFT, leaveEarly({ to: 'open/delay' }, 30)),
  quick('open: leaves within a large answer', 10, LEFT, leaveEarly({ to: 'open/large' }, 10)),
  quick('open: leaves within the body', 10, [200], leaveInBody({ to: 'open/large' })),
  quick('open: leaves within the chunked body', 10, [200], leaveInBody({ to: 'open/large-chunked' })),
  quick(
    'open: leaves within its own body',
    10,
    [499],
    leaveInUpload({ to: 'open/echo', body: { bytes: 200_000 } }, 30_000),
  ),
  quick(
    'open: leaves within its own chunks',
    10,
    [499],
    leaveInUpload({ to: 'open/echo', body: { bytes: 0, chunked: true } }, 30_000),
  ),
  quick('open: leaves a pipeline', 8, LEFT, pipeline(['open/delay', 'open/large', 'open/echo'], true)),
  quick(
    'open: leaves while its body is checked',
    8,
    [499],
    leaveInUpload({ to: 'open/checked', body: { bytes: 200_000 } }, 30_000),
  ),
  quick('open: body checked and refused', 8, [400], ask({ to: 'open/checked', body: { bytes: 20 } }, [400])),
  quick('open: HTTP/2', 10, [200], overHttp2('open/large', 'whole')),
  quick('open: HTTP/2, leaves early', 8, LEFT, overHttp2('open/delay', 'early')),
  quick('open: HTTP/2, leaves within the body', 8, [200], overHttp2('open/large', 'in body')),
  lasting('open: slow reader', 4, [200], readSlowly({ to: 'open/large' }, LARGE_BYTES)),
  quick('gone: upstream away', 8, [500], ask({ to: 'gone/echo' }, [500])),
  quick('keys: known key', 60, [200], ask({ to: 'keys/echo', key: 'plain' }, [200]), ({ alias }) => alias === 'plain'),
  quick('keys: no key', 10, [401], ask({ to: 'keys/echo' }, [401]), ({ apiKey }) => apiKey === '00000000'),
  quick('keys: unknown key', 10, [403], ask({ to: 'keys/echo', key: 'nobody' }, [403])),
  quick(
    'keys: unknown key, with a body',
    10,
    [403],
    ask({ to: 'keys/echo', key: 'nobody', body: { bytes: 9 } }, [403]),
  ),
  quick('keys: rate limit', 40, [200, 429], ask({ to: 'keys/echo', key: 'rate' }, [200, 429])),
  quick('keys: quota', 40, [200, 403], ask({ to: 'keys/echo', key: 'quota' }, [200, 403])),
  quick('keys: leaves at once', 10, LEFT, leaveEarly({ to: 'keys/large', key: 'plain' }, 2)),
  quick('keys: quota, leaves at once', 10, [...LEFT, 403], leaveEarly({ to: 'keys/large', key: 'quota' }, 2)),
  quick('keys: unknown key, leaves at once', 10, [499, 403], leaveEarly({ to: 'keys/echo', key: 'nobody' }, 2)),
  quick('quiet: get', 20, NONE, ask({ to: 'quiet/echo' }, [200])),
  quick('quiet: reset', 4, NONE, ask({ to: 'quiet/reset' }, [500])),
  quick('quiet: leaves at once', 4, NONE, leaveEarly({ to: 'quiet/delay' }, 20)),
  quick('detail: post', 20, [200], ask({ to: 'detail/echo', body: { bytes: 2000 } }, [200]), hasMessages),
  quick('detail: large', 4, [200], ask({ to: 'detail/large' }, [200], LARGE_BYTES), hasMessages),
  quick('detail: reset', 4, [500], ask({ to: 'detail/reset' }, [500])),
  quick('detail: leaves before the answer', 4, LEFT, leaveEarly({ to: 'detail/delay' }, 40)),
  quick('detail: leaves within the body', 4, [200], leaveInBody({ to: 'detail/large' })),
  lasting('live: events, client leaves', 6, [200], listen({ to: 'live/events' }, true)),
  lasting('live: events, upstream cuts', 4, [200], listen({ to: 'live/events-cut' }, false)),
  lasting('live: events, upstream ends', 4, [200], listen({ to: 'live/events-end' }, false)),
  lasting('live: socket, client cuts', 6, [101], talk('live/socket', 'client cuts')),
  lasting('live: socket, client ends', 6, [101], talk('live/socket', 'client ends')),
  lasting('live: socket, upstream ends', 4, [101], talk('live/socket-brief', 'upstream ends')),
  quick('live: socket, refused', 4, [403], ask({ to: 'live/socket-refused', fresh: true, headers: UPGRADE }, [403])),
  lasting('live: socket, client leaves early', 4, [499, 101], talk('live/socket-late', 'early')),
  quick('none: unknown path', 20, NONE, ask({ to: 'nowhere/echo' }, [404])),
  quick('none: no HTTP', 4, NONE, babble('HELO there\r\n\r\n', '400')),
  quick(
    'none: huge header',
    1,
    NONE,
    babble(`GET /open/echo HTTP/1.1\r\nHost: h\r\nX: ${'x'.repeat(1_200_000)}`, '431'),
  ),
]
