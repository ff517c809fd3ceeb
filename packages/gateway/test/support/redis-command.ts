/** The words of a command as a client sends it: an array of bulk strings. */
export function argumentsOf(command: Buffer): Buffer[] {
  let at = 0
  const number = (mark: string): number => {
    const end = command.indexOf('\r\n', at)
    const text = command.toString('latin1', at, end)
    if (!new RegExp(`^\\${mark}\\d+$`).test(text)) throw new Error(`expected ${mark} and a number, got ${text}`)
    at = end + 2
    return Number(text.slice(1))
  }
  const words = Array.from({ length: number('*') }, () => {
    const length = number('$')
    const word = Buffer.from(command.subarray(at, at + length))
    at += length + 2
    return word
  })
  if (at !== command.length) throw new Error(`${command.length - at} bytes after the command`)
  return words
}
