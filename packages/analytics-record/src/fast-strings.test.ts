import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const MODULE = new URL('./fast-strings.ts', import.meta.url).href
const EXTEND = 'globalThis.Text = class extends String {}'
const KEEP = 'keepStringMethodsFast()'

/** A process of its own: what has become of the methods stays. If the first is no longer true, V8 has mended it, and all of this can go. */
test.each([
  ['are no longer fast behind a class that extends String', [EXTEND], false],
  ['are fast again', [EXTEND, KEEP], true],
  ['stay fast behind such a class', [KEEP, EXTEND], true],
])('methods of strings %s', async (_, statements, fast) => {
  const code = [
    `import { keepStringMethodsFast } from '${MODULE}'`,
    ...statements,
    'console.log(%HasFastProperties(String.prototype))',
  ]
  const args = ['--allow-natives-syntax', '--input-type=module', '--eval', code.join('\n')]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  expect(stdout.trim()).toBe(String(fast))
})
