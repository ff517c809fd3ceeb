/** The program as a process: the Node.js it needs, the file with its id. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { eventually } from '../../../test/support/eventually.ts'
import { startGateway } from '../../../test/support/gateway.ts'
import { startProgram } from '../../../test/support/process.ts'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))

const OLD_NODE =
  'data:text/javascript,Object.defineProperty(process,"versions",{value:{...process.versions,node:"20.1.0"}})'

test('an old Node.js gets one line with the cure', async () => {
  await using program = startProgram(process.execPath, ['--import', OLD_NODE, main, '--version'])
  expect(await program.exited()).toBe(1)
  expect(program.output()).toBe(
    'tek-gateway needs Node.js 24 or newer, this is 20.1.0: ' +
      "run it with the project's own: npm exec -- node packages/gateway/dist/main.js …\n",
  )
})

test('the entry file imports nothing before it has looked at the version', () => {
  expect(readFileSync(main, 'utf8')).not.toMatch(/^import|\sfrom '/m)
})

test('the file with the process id is there while the gateway runs, and gone after', async () => {
  await using gateway = await startGateway()
  const file = join(gateway.dir, 'gateway.pid')
  await eventually(() => expect(readFileSync(file, 'utf8')).toBe(String(gateway.program.pid)))
  gateway.program.kill('SIGTERM')
  expect(await gateway.program.exited()).toBe(0)
  expect(existsSync(file)).toBe(false)
})

test('a second start on the same port leaves the file of the first alone', async () => {
  await using first = await startGateway()
  const file = join(first.dir, 'gateway.pid')
  await eventually(() => expect(existsSync(file)).toBe(true))
  await using second = await startGateway({
    unchecked: true,
    conf: { listen_port: first.port, pid_file_location: file },
  })
  expect(await second.program.exited()).toBe(1)
  expect(readFileSync(file, 'utf8')).toBe(String(first.program.pid))
})
