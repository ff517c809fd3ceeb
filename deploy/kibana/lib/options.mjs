/** Options: from the environment, because containers are set up by it, and as flags for the command line. */
import { readFileSync } from 'node:fs'
import { SetupError } from './errors.mjs'

export const HELP = `Brings Tyk's dashboards, saved searches and data view into Kibana 7.17 or newer. Needs Node.js 18 or newer.

  KIBANA_URL=http://localhost:5601 node setup.mjs [options]

Option           Variable                Meaning
                 KIBANA_URL              with server.basePath, if there is one (http://localhost:5601)
                 KIBANA_SPACE            id of the space; the default space if unset
                 KIBANA_USERNAME, KIBANA_PASSWORD
                 KIBANA_API_KEY          the encoded form, in place of user and password
                 KIBANA_CA               PEM file with the certificate authority of Kibana
                 KIBANA_WAIT_SECONDS     how long to wait for Kibana (180)
--pack NAME      KIBANA_PACK             flat (default): Tyk's index tyk_analytics*; data-stream: logs-tyk.access-*; all
--rules          KIBANA_RULES=true       also create alert rules
--slos           KIBANA_SLOS=true        also create service level objectives
--restore        KIBANA_RESTORE=true     put every object back to what is shipped, edited and deleted ones too
--dry-run        KIBANA_DRY_RUN=true     say what would be done, write nothing
--help

Exit codes: 0 done, 1 Kibana is not available or refused something, 2 an option is wrong.`

const PACKS = { flat: ['flat'], 'data-stream': ['data-stream'], all: ['flat', 'data-stream'] }
const FLAGS = {
  '--dry-run': 'KIBANA_DRY_RUN',
  '--restore': 'KIBANA_RESTORE',
  '--rules': 'KIBANA_RULES',
  '--slos': 'KIBANA_SLOS',
}

/**
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} env
 */
export function readOptions(args, env) {
  const values = { ...env }
  for (let i = 0; i < args.length; i++) {
    const [name, inline] = args[i].split(/=(.*)/s)
    if (name in FLAGS && inline === undefined) values[FLAGS[name]] = 'true'
    else if (name === '--pack') values.KIBANA_PACK = inline ?? args[++i] ?? 'nothing'
    else throw wrong(`unknown option ${name}`, 'node setup.mjs --help lists the options.')
  }
  const url = readUrl(values.KIBANA_URL || 'http://localhost:5601')
  return {
    url: url.base,
    authorization: readAuthorization(values, url),
    space: readSpace(values.KIBANA_SPACE ?? ''),
    ca: readCa(values.KIBANA_CA ?? ''),
    waitSeconds: readSeconds(values.KIBANA_WAIT_SECONDS || '180'),
    packs: readPacks(values.KIBANA_PACK || 'flat'),
    dryRun: readBoolean(values, 'KIBANA_DRY_RUN'),
    restore: readBoolean(values, 'KIBANA_RESTORE'),
    rules: readBoolean(values, 'KIBANA_RULES'),
    slos: readBoolean(values, 'KIBANA_SLOS'),
  }
}

const wrong = (message, cure) => new SetupError(message, cure, { exitCode: 2 })

function readUrl(text) {
  const url = tryUrl(text)
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    throw wrong(
      `KIBANA_URL is not an http or https URL: ${JSON.stringify(text.replace(/\/\/[^/]*@/, '//***@'))}`,
      'Set it to something like http://localhost:5601, with a port below 65536.',
    )
  }
  const user = decodeURIComponent(url.username)
  const password = decodeURIComponent(url.password)
  return { base: `${url.protocol}//${url.host}${url.pathname.replace(/\/+$/, '')}`, user, password }
}

function tryUrl(text) {
  try {
    return new URL(text)
  } catch {
    return null
  }
}

function readAuthorization(values, url) {
  const user = values.KIBANA_USERNAME || url.user
  const password = values.KIBANA_PASSWORD || url.password
  if (values.KIBANA_API_KEY && (values.KIBANA_USERNAME || values.KIBANA_PASSWORD)) {
    throw wrong('both KIBANA_API_KEY and a user are set', 'Leave one of them out.')
  }
  if (values.KIBANA_API_KEY) return `ApiKey ${values.KIBANA_API_KEY}`
  if (user === '' && password === '') return null
  if (user === '' || password === '') {
    throw wrong(
      `${user === '' ? 'KIBANA_USERNAME' : 'KIBANA_PASSWORD'} is missing`,
      'Set both KIBANA_USERNAME and KIBANA_PASSWORD, or KIBANA_API_KEY in their place.',
    )
  }
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}

function readSpace(space) {
  if (space === '' || space === 'default') return ''
  if (/^[a-z0-9_-]+$/.test(space)) return space
  throw wrong(
    `KIBANA_SPACE is no id of a space: ${JSON.stringify(space)}`,
    'Take the id, as it stands in the address after /s/: small letters, digits, - and _.',
  )
}

function readCa(file) {
  if (file === '') return undefined
  try {
    return readFileSync(file)
  } catch (cause) {
    throw wrong(`KIBANA_CA cannot be read: ${cause.message}`, 'Give the path of a PEM file that this process may read.')
  }
}

function readSeconds(text) {
  const seconds = Number(text)
  if (Number.isFinite(seconds) && seconds >= 0) return seconds
  throw wrong(`KIBANA_WAIT_SECONDS is no number of seconds: ${JSON.stringify(text)}`, 'Set it to something like 180.')
}

function readPacks(name) {
  if (Object.hasOwn(PACKS, name)) return PACKS[name]
  throw wrong(`unknown pack ${JSON.stringify(name)}`, `Set --pack or KIBANA_PACK to ${Object.keys(PACKS).join(', ')}.`)
}

function readBoolean(values, name) {
  const text = values[name] ?? ''
  if (text === '' || text === 'false' || text === '0') return false
  if (text === 'true' || text === '1') return true
  throw wrong(`${name} is neither true nor false: ${JSON.stringify(text)}`, 'Set it to true or false.')
}
