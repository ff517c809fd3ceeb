/** The files of a pack, with ids for the space they go to. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

const folder = new URL('../', import.meta.url)

/**
 * @param {string} name folder of the pack
 * @param {string} space '' for the default space
 */
export function loadPack(name, space) {
  const read = (file) => forSpace(readFileSync(new URL(`${name}/${file}`, folder), 'utf8'), space)
  const objects = read('objects.ndjson')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
    .filter(({ exportedCount }) => exportedCount === undefined)
  const rules = JSON.parse(read('rules.json')).map(({ id, body }) => ({ id: uuidForSpace(id, space), body }))
  return { name, objects, rules, slos: JSON.parse(read('slos.json')) }
}

/**
 * Since Kibana 8 an id belongs to one space only, and a second import would get other ids that links in texts do not
 * know. So each space has ids of its own.
 */
function forSpace(text, space) {
  return space === '' ? text : text.replace(/\btyk1(ds)?-/g, (prefix) => `${prefix}${space}-`)
}

function uuidForSpace(id, space) {
  if (space === '') return id
  const hex = createHash('sha1').update(`${id}/${space}`).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
