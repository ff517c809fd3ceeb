// Hot path.
/** Room for what stands before the elements: RPUSH, the number of them and the list's name. */
const HEAD_BYTES = 256
/** Room that a buffer begins with: a batch of records without messages, of 1.5 kB each. */
const FIRST_BYTES = 1024 * 1024
/** Longest frame of an element: `$`, its length in ten digits, and two line ends. */
const FRAME_BYTES = 15

const CR = 0x0d
const LF = 0x0a
const DOLLAR = 0x24
const ZERO = 0x30

/**
 * Elements for the end of a list, which lie as Redis's protocol wants them as soon as they are added: each is copied once,
 * and nothing else is made for it. As arguments of ioredis they cost ten times as much (bench/list-elements.bench.ts).
 */
export class ListElements {
  #buffer = Buffer.allocUnsafeSlow(FIRST_BYTES)
  #end = HEAD_BYTES
  /** Number of elements. */
  count = 0

  /** Size of the elements with what frames them. */
  get bytes(): number {
    return this.#end - HEAD_BYTES
  }

  add(element: Uint8Array): void {
    const { length } = element
    if (this.#end + length + FRAME_BYTES > this.#buffer.length) this.#grow(length + FRAME_BYTES)
    const buffer = this.#buffer
    buffer[this.#end] = DOLLAR
    const at = writeDecimal(buffer, this.#end + 1, length)
    buffer[at] = CR
    buffer[at + 1] = LF
    buffer.set(element, at + 2)
    const end = at + 2 + length
    buffer[end] = CR
    buffer[end + 1] = LF
    this.#end = end + 2
    this.count++
  }

  /**
   * The whole RPUSH command: a view, good until the next change of these elements.
   *
   * @param key - at most 200 bytes.
   */
  command(key: string): Buffer {
    const head = Buffer.from(`*${this.count + 2}\r\n$5\r\nRPUSH\r\n$${Buffer.byteLength(key)}\r\n${key}\r\n`)
    if (head.length > HEAD_BYTES) throw new RangeError(`the list's name is too long: ${key}`)
    this.#buffer.set(head, HEAD_BYTES - head.length)
    return this.#buffer.subarray(HEAD_BYTES - head.length, this.#end)
  }

  /** Takes no more room than it needs: it may have to wait for long. */
  trim(): void {
    if (this.#end < this.#buffer.length / 2) this.#move(this.#end)
  }

  /** Whether it is worth keeping for other elements. */
  get isReusable(): boolean {
    return this.#buffer.length === FIRST_BYTES
  }

  clear(): void {
    this.#end = HEAD_BYTES
    this.count = 0
  }

  #grow(bytes: number): void {
    this.#move(Math.max(FIRST_BYTES, (this.#end + bytes) * 1.5))
  }

  #move(size: number): void {
    const buffer = Buffer.allocUnsafeSlow(Math.ceil(size))
    this.#buffer.copy(buffer, 0, 0, this.#end)
    this.#buffer = buffer
  }
}

/** Returns the position after the digits. */
function writeDecimal(buffer: Buffer, at: number, value: number): number {
  let digits = 1
  for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) digits++
  const end = at + digits
  for (let place = end - 1, rest = value; place >= at; place--, rest = Math.floor(rest / 10)) {
    buffer[place] = ZERO + (rest % 10)
  }
  return end
}
