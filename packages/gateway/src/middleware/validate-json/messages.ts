import type { ErrorObject } from 'ajv'

/** Of so many problems each is told. Looking for those that matter takes the square of their number. */
const MAX_PROBLEMS = 50
/** So much of a name that the client chose is told: it can be as long as the body. */
const MAX_NAME_LENGTH = 200

/**
 * What a client is told of a body that does not fit: the problems, up to 50 of them, as `field: description`, joined by
 * `; `, in the words of Go's gojsonschema.
 */
export function problemsText(errors: readonly ErrorObject[]): string {
  return relevant(errors.slice(0, MAX_PROBLEMS))
    .map((error) => `${fieldOf(error)}: ${describe(error)}`)
    .join('; ')
}

const shortened = (name: string): string =>
  name.length > MAX_NAME_LENGTH ? `${name.slice(0, MAX_NAME_LENGTH)}…` : name

/** Dotted path; `(root)` for the document itself. */
function fieldOf({ instancePath }: ErrorObject): string {
  if (instancePath === '') return '(root)'
  const field = instancePath
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .join('.')
  return shortened(field)
}

/** A value of the wrong type is not looked at any further, and of several alternatives only the nearest is told. */
function relevant(errors: readonly ErrorObject[]): ErrorObject[] {
  const hidden = new Set<ErrorObject>()
  for (const error of errors) {
    const parent = error.schemaPath.slice(0, error.schemaPath.lastIndexOf('/'))
    const inside = (other: ErrorObject, path: string): boolean =>
      other !== error &&
      other.schemaPath.startsWith(`${path}/`) &&
      `${other.instancePath}/`.startsWith(`${error.instancePath}/`)
    if (error.keyword === 'type') {
      for (const other of errors) if (inside(other, parent)) hidden.add(other)
    } else if (error.keyword === 'anyOf' || error.keyword === 'oneOf') {
      const branches = errors.filter((other) => inside(other, error.schemaPath))
      const nearest = nearestBranch(branches, error.schemaPath)
      for (const other of branches) if (!other.schemaPath.startsWith(`${nearest}/`)) hidden.add(other)
    } else if (error.keyword === 'propertyNames') {
      for (const other of errors) if (inside(other, error.schemaPath)) hidden.add(other)
    }
  }
  return withAlternativesFirst(errors.filter((error) => !hidden.has(error)))
}

/** The alternative with the fewest problems, the first of equals. */
function nearestBranch(branches: readonly ErrorObject[], path: string): string {
  const counts = new Map<string, number>()
  for (const { schemaPath } of branches) {
    const slash = schemaPath.indexOf('/', path.length + 1)
    const branch = schemaPath.slice(0, slash === -1 ? undefined : slash)
    counts.set(branch, (counts.get(branch) ?? 0) + 1)
  }
  return [...counts].toSorted((a, b) => a[1] - b[1])[0]?.[0] ?? ''
}

/** That no alternative fits is told before why. */
function withAlternativesFirst(errors: readonly ErrorObject[]): ErrorObject[] {
  const ordered: ErrorObject[] = []
  for (const error of errors) {
    const at = ['anyOf', 'oneOf', 'if'].includes(error.keyword)
      ? ordered.findIndex(({ schemaPath }) => schemaPath.startsWith(`${error.schemaPath}/`))
      : -1
    if (at === -1) ordered.push(error)
    else ordered.splice(at, 0, error)
  }
  return ordered
}

type Describe = (params: Record<string, unknown>, error: ErrorObject) => string

const LIMITS: Readonly<Record<string, string>> = {
  '>=': 'greater than or equal to',
  '>': 'greater than',
  '<=': 'less than or equal to',
  '<': 'less than',
}
const numberLimit: Describe = ({ comparison, limit }) => `Must be ${LIMITS[String(comparison)]} ${String(limit)}`

const DESCRIPTIONS: Readonly<Record<string, Describe>> = {
  required: ({ missingProperty }) => `${String(missingProperty)} is required`,
  type: ({ type }, { data }) => `Invalid type. Expected: ${typeList(type)}, given: ${typeOf(data)}`,
  enum: ({ allowedValues }, error) =>
    `${fieldOf(error)} must be one of the following: ${(allowedValues as unknown[]).map(json).join(', ')}`,
  const: ({ allowedValue }, error) => `${fieldOf(error)} does not match: ${json(allowedValue)}`,
  additionalProperties: ({ additionalProperty }) =>
    `Additional property ${shortened(String(additionalProperty))} is not allowed`,
  propertyNames: ({ propertyName }) => `Property name of "${shortened(String(propertyName))}" does not match`,
  minLength: ({ limit }) => `String length must be greater than or equal to ${String(limit)}`,
  maxLength: ({ limit }) => `String length must be less than or equal to ${String(limit)}`,
  minimum: numberLimit,
  maximum: numberLimit,
  exclusiveMinimum: numberLimit,
  exclusiveMaximum: numberLimit,
  multipleOf: ({ multipleOf }) => `Must be a multiple of ${String(multipleOf)}`,
  pattern: ({ pattern }) => `Does not match pattern '${String(pattern)}'`,
  format: ({ format }) => `Does not match format '${String(format)}'`,
  minItems: ({ limit }) => `Array must have at least ${String(limit)} items`,
  maxItems: ({ limit }) => `Array must have at most ${String(limit)} items`,
  additionalItems: () => 'No additional items allowed on array',
  uniqueItems: ({ i, j }) =>
    `array items[${Math.min(Number(i), Number(j))},${Math.max(Number(i), Number(j))}] must be unique`,
  contains: () => 'At least one of the items must match',
  minProperties: ({ limit }) => `Must have at least ${String(limit)} properties`,
  maxProperties: ({ limit }) => `Must have at most ${String(limit)} properties`,
  dependencies: ({ missingProperty }) => `Has a dependency on ${String(missingProperty)}`,
  anyOf: () => 'Must validate at least one schema (anyOf)',
  oneOf: () => 'Must validate one and only one schema (oneOf)',
  not: () => 'Must not validate the schema (not)',
  if: ({ failingKeyword }) =>
    failingKeyword === 'then' ? 'Must validate "then" as "if" was valid' : 'Must validate "else" as "if" was not valid',
  'false schema': () => 'False always fails validation',
}

function describe(error: ErrorObject): string {
  return DESCRIPTIONS[error.keyword]?.(error.params, error) ?? error.message ?? error.keyword
}

const json = (value: unknown): string => JSON.stringify(value)

function typeList(type: unknown): string {
  const types = Array.isArray(type) ? type : String(type).split(',')
  return types.length === 1 ? String(types[0]) : `[${types.join(',')}]`
}

function typeOf(data: unknown): string {
  if (data === null) return 'null'
  if (Array.isArray(data)) return 'array'
  if (typeof data === 'number') return Number.isInteger(data) ? 'integer' : 'number'
  return typeof data
}
