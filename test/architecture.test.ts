/** Rules about who may import whom. Each would otherwise be a habit that somebody breaks without noticing. */
import { globSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const BUILT_INS = new Set(builtinModules.flatMap((name) => [name, `node:${name}`]))
const IMPORT = /(?:^|\n)\s*(?:import|export)\s(?:[^'"`;]*?\sfrom\s)?\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/g

interface Import {
  /** Path of the importing file below the project, with forward slashes. */
  readonly file: string
  readonly specifier: string
  /** For relative specifiers: what it points to, below the project. */
  readonly target: string | undefined
}

function importsOf(pattern: string): Import[] {
  return globSync(pattern, { cwd: root })
    .map((file) => file.split(sep).join('/'))
    .flatMap((file) =>
      specifiersOf(readFileSync(join(root, file), 'utf8')).map((specifier) => toImport(file, specifier)),
    )
}

function specifiersOf(source: string): string[] {
  return [...source.matchAll(IMPORT)].map((match) => match[1] ?? match[2] ?? '')
}

function toImport(file: string, specifier: string): Import {
  if (!specifier.startsWith('.')) return { file, specifier, target: undefined }
  const target = relative(root, resolve(root, dirname(file), specifier))
    .split(sep)
    .join('/')
  return { file, specifier, target }
}

function violations(pattern: string, breaks: (found: Import) => boolean): string[] {
  return importsOf(pattern)
    .filter(breaks)
    .map(({ file, specifier }) => `${file} imports ${specifier}`)
}

/** `packages/pump/src/sinks/csv/encode.ts` below `packages/pump/src/sinks` → `csv`; files directly in it have none. */
function folderBelow(parent: string, path: string): string | undefined {
  if (!path.startsWith(`${parent}/`)) return undefined
  const [folder, ...rest] = path.slice(parent.length + 1).split('/')
  return rest.length > 0 ? folder : undefined
}

/** A test may set up what another step leaves behind for the one under test. */
function importsSibling(parent: string): (found: Import) => boolean {
  return ({ file, target }) => {
    if (file.endsWith('.test.ts')) return false
    const own = folderBelow(parent, file)
    const other = target === undefined ? undefined : folderBelow(parent, target)
    return own !== undefined && other !== undefined && own !== other
  }
}

describe('import boundaries', () => {
  it('reads import statements of every form', () => {
    const source = `import a from 'a'\nimport {\n  b,\n} from './b.ts'\nimport type { C } from 'c'\nimport 'd'\nexport * from 'e'\nawait import('f')\n`
    expect(specifiersOf(source)).toEqual(['a', './b.ts', 'c', 'd', 'e', 'f'])
  })

  it('sees the sources', () => {
    expect(importsOf('packages/*/src/**/*.ts').length).toBeGreaterThan(10)
  })

  it('keeps each package from reaching into another by path', () => {
    const found = violations('packages/*/{src,test,bench}/**/*.ts', ({ file, target }) => {
      const own = folderBelow('packages', file)
      const other = target === undefined ? undefined : folderBelow('packages', target)
      return other !== undefined && other !== own
    })
    expect(found, 'import the package by its name, and only @tek/analytics-record').toEqual([])
  })

  it('keeps gateway and pump apart: they share nothing but @tek/analytics-record', () => {
    const found = violations('packages/{gateway,pump}/src/**/*.ts', ({ specifier }) => {
      return specifier.startsWith('@tek/') && specifier !== '@tek/analytics-record'
    })
    expect(found, 'put what both need into @tek/analytics-record, or keep a copy on each side').toEqual([])
  })

  it('lets the explorer share no more than that, and lets nobody import it', () => {
    const found = violations('packages/explorer/{src,build,test}/**/*.ts', ({ specifier }) => {
      return specifier.startsWith('@tek/') && specifier !== '@tek/analytics-record'
    })
    expect(found, 'the explorer reads what is stored; it knows the programs before it by their ports alone').toEqual([])
    const users = violations('packages/{analytics-record,gateway,pump}/**/*.ts', ({ specifier }) => {
      return specifier === '@tek/explorer' || specifier.includes('/explorer/')
    })
    expect(users, 'no program needs the explorer').toEqual([])
  })

  it('keeps the stores of the explorer from importing each other', () => {
    const found = violations('packages/explorer/src/store/**/*.ts', importsSibling('packages/explorer/src/store'))
    expect(found, 'what both need moves up to store/').toEqual([])
  })

  it('keeps analytics-record free of I/O and of other packages', () => {
    const found = violations('packages/analytics-record/src/**/*.ts', ({ file, specifier, target }) => {
      return !file.endsWith('.test.ts') && !file.endsWith('.test-d.ts') && target === undefined && specifier !== ''
    })
    expect(found, 'codecs are pure functions; reading and sending belongs to the gateway or the pump').toEqual([])
  })

  it('keeps sinks from importing each other', () => {
    const found = violations('packages/pump/src/sinks/**/*.ts', importsSibling('packages/pump/src/sinks'))
    expect(found, 'what two sinks need moves up to delivery/').toEqual([])
  })

  it('keeps middleware from importing each other', () => {
    const found = violations(
      'packages/gateway/src/middleware/**/*.ts',
      importsSibling('packages/gateway/src/middleware'),
    )
    expect(found, 'what two steps need moves up, to auth/ for example').toEqual([])
  })

  it('names every sink only in the registry', () => {
    const found = violations('packages/pump/src/**/*.ts', ({ file, target }) => {
      const sink = target === undefined ? undefined : folderBelow('packages/pump/src/sinks', target)
      const inside = folderBelow('packages/pump/src/sinks', file)
      const test = file.endsWith('.test.ts')
      return sink !== undefined && inside === undefined && !test && file !== 'packages/pump/src/sinks/index.ts'
    })
    expect(found, 'ask the registry in sinks/index.ts').toEqual([])
  })

  it('imports only what the package lists, and built-in modules by their node: name', () => {
    const found = ['analytics-record', 'gateway', 'pump', 'explorer'].flatMap((name) => {
      const manifest = JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8')) as {
        readonly dependencies?: Readonly<Record<string, string>>
      }
      const listed = Object.keys(manifest.dependencies ?? {})
      return violations(`packages/${name}/src/**/*.ts`, ({ file, specifier, target }) => {
        if (target !== undefined || /\.test(-d)?\.ts$/.test(file)) return false
        if (BUILT_INS.has(specifier)) return !specifier.startsWith('node:')
        return !listed.some((dependency) => specifier === dependency || specifier.startsWith(`${dependency}/`))
      })
    })
    expect(found).toEqual([])
  })
})
