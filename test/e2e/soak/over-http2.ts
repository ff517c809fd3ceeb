import http2 from 'node:http2'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type { Send } from './call.ts'

export type StreamEnd = 'whole' | 'early' | 'in body'

/** A request over HTTP/2, on a connection of its own that carries more than one. */
export function overHttp2(to: string, end: StreamEnd): Send {
  return async (call) => {
    const session = http2.connect(`http://127.0.0.1:${call.port}`)
    session.on('error', () => {})
    const one = async (): Promise<void> => {
      const id = call.open()
      const stream = session.request({ ':path': `/${to}/${id}` })
      stream.on('error', () => {})
      const closed = new Promise((resolve) => stream.once('close', resolve))
      if (end === 'early') {
        // Sent with what the session writes in this turn; an answer to a ping says that it has arrived.
        await new Promise((resolve) => session.ping(resolve))
        await delay(call.random.next() * 40)
        stream.close(http2.constants.NGHTTP2_CANCEL)
      } else {
        const [headers] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders]
        call.answered(id, Number(headers[':status']))
        if (end === 'in body') await once(stream, 'data').then(() => stream.close(http2.constants.NGHTTP2_CANCEL))
        else stream.resume()
      }
      await closed
    }
    await Promise.all([one(), one(), one()]).finally(() => session.destroy())
  }
}
