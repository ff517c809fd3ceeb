#!/usr/bin/env node
/**
 * What `npm start`, `npm test` and `npm run test:faults|build|check|bench|conformance` call. Plain JavaScript without
 * dependencies, because it runs before anything is installed and on any Node.js from 20 on. The version is looked at before
 * any other file is loaded, so that an old Node.js gets a sentence instead of a syntax error.
 */
const major = Number(process.versions.node.split('.')[0])
if (major < 20) {
  console.error(
    `Node.js ${process.versions.node} is too old: 20 or newer is needed to start (the project brings its own 24).`,
  )
  console.error('Install one from https://nodejs.org/, or with your version manager: nvm install 24')
  process.exit(1)
}
const { main } = await import('./tek/main.mjs')
process.exitCode = await main(process.argv.slice(2))
