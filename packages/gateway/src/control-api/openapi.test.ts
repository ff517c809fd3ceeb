import { Ajv2020 } from 'ajv/dist/2020.js'
import { expect, test } from 'vitest'
import { controlApiDocument, OPERATIONS } from './openapi.ts'
import { controlResources, type ControlApiDeps } from './routes.ts'

/** As a document writes it. */
const documented = (path: string): string => path.replaceAll(/:(\w+)/g, '{$1}').replace('*', '{key}')

test('every path and method that is served is documented, and nothing else', () => {
  const served = controlResources({} as ControlApiDeps).flatMap(({ path, methods }) =>
    Object.keys(methods).map((method) => `${method} ${documented(path)}`),
  )
  expect(Object.keys(OPERATIONS).toSorted()).toEqual(served.toSorted())
})

test('every schema that is named is there, and is one', () => {
  const document = controlApiDocument('1.2.3')
  const { schemas } = document['components'] as { schemas: Record<string, object> }
  const names = JSON.stringify(document).matchAll(/#\/components\/schemas\/(\w+)/g)
  for (const [, name] of names) expect(schemas).toHaveProperty(name as string)
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true })
  ajv.addSchema({ $id: 'document', components: { schemas } }, 'document')
  ajv.addVocabulary(['components'])
  for (const name of Object.keys(schemas)) {
    expect(() => ajv.compile({ $ref: `document#/components/schemas/${name}` })).not.toThrow()
  }
})
