/** The Redis protocol, version 2, as far as a proxy needs it: where one message ends, and what a command says. */

const CR = 13
const STAR = 42
const DOLLAR = 36

/** Cuts a stream of bytes into whole messages. */
export class MessageSplitter {
  #rest: Buffer = Buffer.alloc(0)

  push(chunk: Buffer): Buffer[] {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    const messages: Buffer[] = []
    let start = 0
    for (let end = endOf(bytes, 0); end !== -1; end = endOf(bytes, start)) {
      messages.push(bytes.subarray(start, end))
      start = end
    }
    this.#rest = bytes.subarray(start)
    return messages
  }
}

/** Where the message ends that begins at a position; -1: it is not whole yet. */
function endOf(bytes: Buffer, start: number): number {
  const lineEnd = bytes.indexOf('\r\n', start)
  if (start >= bytes.length || lineEnd === -1) return -1
  const count = Number(bytes.toString('latin1', start + 1, lineEnd))
  let at = lineEnd + 2
  if (bytes[start] === DOLLAR) {
    if (count === -1) return at
    return bytes.length >= at + count + 2 ? at + count + 2 : -1
  }
  if (bytes[start] !== STAR) return at
  for (let i = 0; i < count; i++) {
    at = endOf(bytes, at)
    if (at === -1) return -1
  }
  return at
}

/** The parts of a command: an array of texts. */
export function readCommand(message: Buffer): Buffer[] {
  const parts: Buffer[] = []
  let at = message.indexOf('\r\n') + 2
  while (at < message.length && message[at] !== CR) {
    const lineEnd = message.indexOf('\r\n', at)
    const size = Number(message.toString('latin1', at + 1, lineEnd))
    parts.push(message.subarray(lineEnd + 2, lineEnd + 2 + size))
    at = lineEnd + 2 + size + 2
  }
  return parts
}
