#!/usr/bin/env node
/**
 * Looks at the version of Node.js and runs the program; it alone may end the process. It imports nothing at its top, so that
 * an old Node.js gets a sentence instead of a stack trace.
 */
const NEEDED_MAJOR = 24

if (Number(process.versions.node.split('.')[0]) < NEEDED_MAJOR) {
  console.error(
    `tek-explorer needs Node.js ${NEEDED_MAJOR} or newer, this is ${process.versions.node}: ` +
      "run it with the project's own: npm exec -- node packages/explorer/dist/main.js …",
  )
  process.exit(1)
}
const { run } = await import('./run.ts')
process.exit(await run(process.argv.slice(2)))
