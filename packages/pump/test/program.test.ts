import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { startProgram } from '../../../test/support/process.ts'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))

const OLD_NODE =
  'data:text/javascript,Object.defineProperty(process,"versions",{value:{...process.versions,node:"20.1.0"}})'

test('an old Node.js gets one line with the cure', async () => {
  await using program = startProgram(process.execPath, ['--import', OLD_NODE, main, '--version'])
  expect(await program.exited()).toBe(1)
  expect(program.output()).toBe(
    'tek-pump needs Node.js 24 or newer, this is 20.1.0: ' +
      "run it with the project's own: npm exec -- node packages/pump/dist/main.js …\n",
  )
})

test('the entry file imports nothing before it has looked at the version', () => {
  expect(readFileSync(main, 'utf8')).not.toMatch(/^import|\sfrom '/m)
})
