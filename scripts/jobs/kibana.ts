/**
 * Writes the files that `deploy/kibana/setup.mjs` imports from the sources in `scripts/kibana/`. `--check` writes
 * nothing and ends with 1 when a file on disk differs, so that `npm run check` sees a change that was not built.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { forms } from '../kibana/forms.ts'
import { packOf } from '../kibana/pack.ts'
import { toNdjson } from '../kibana/saved-object.ts'
import { root } from './lib.ts'

const files = new Map<string, string>()
for (const form of forms) {
  const { objects, rules, slos, indexTemplate } = packOf(form)
  const folder = `deploy/kibana/${form.name}`
  files.set(`${folder}/objects.ndjson`, toNdjson(objects))
  files.set(`${folder}/rules.json`, readableJson(rules))
  files.set(`${folder}/slos.json`, readableJson(slos))
  files.set(`${folder}/index-template.json`, readableJson(indexTemplate))
}

const check = process.argv.includes('--check')
for (const [file, text] of files) {
  const path = join(root, file)
  if ((await textOnDisk(path)) === text) continue
  if (check) {
    console.error(`${file} is out of date: npm exec -- node scripts/jobs/kibana.ts`)
    process.exitCode = 1
  } else {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, text)
    console.log(`${file} written`)
  }
}

async function textOnDisk(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

/** As the formatter would have it: lists of plain values on one line. */
function readableJson(value: unknown): string {
  const text = JSON.stringify(value, null, 2).replace(/\[\s+([^[\]{}]*?)\s+\]/g, (_, items: string) => {
    return `[${items.replace(/\n\s*/g, ' ')}]`
  })
  return `${text}\n`
}
