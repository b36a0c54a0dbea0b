import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { inspect } from 'node:util'
import { createApp, createError, eventHandler, toNodeListener } from 'h3'
import type { H3Error, H3Event } from 'h3'
import ts from 'typescript'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { answerErrors } from '../../src/runtime/server/request/answer-errors'
import { PUBLIC_SENTENCES } from '../../src/runtime/server/request/error-codes'
import { HttpError, PublicError } from '../../src/runtime/server/request/errors'

const ROOT = 'src/runtime/server'
const sources = readdirSync(ROOT, { recursive: true, encoding: 'utf8' })
  .filter(file => file.endsWith('.ts') && !file.endsWith('.d.ts'))
  .map(file => ({ file: join(ROOT, file), text: readFileSync(join(ROOT, file), 'utf8') }))

/** What no client may read. */
const SECRET = 'host 10.1.2.3:5432 of postgresql://app@db/initech, scale.database.url, server/scale.config.ts, NUXT_SCALE_DATABASE_URL'
const NAMED = /10\.1\.2\.3|postgresql|initech|scale\.|server\/|NUXT_|\.ts\b|node_modules/

/** Errors that end a message or a purge in the background and know nothing of requests. h3 answers an unknown error with "Server Error". */
const UNKNOWN_TO_REQUESTS = ['HandlerTimeoutError', 'PurgeFault', 'RejectMessage', 'RetryMessage']

/** How each class is made. A class without a line here fails the first test. */
const samples: Record<string, (type: new (...values: unknown[]) => HttpError) => HttpError[]> = {
  HttpError: type => [new type(503, 'TENANTS_UNAVAILABLE', SECRET), new type(500, 'SHARD_FAILED', SECRET), new type(400, 'REGION_UNKNOWN', SECRET)],
  PublicError: type => [new type(400, 'CURSOR_INVALID', 'The query parameter cursor is malformed.', { cause: new Error(SECRET) })],
  DatabaseBusyError: type => [new type(SECRET, 1500, new Error(SECRET))],
  DatabaseClosedError: type => [new type(SECRET)],
  DatabaseEvictedError: type => [new type(SECRET)],
  DatabaseFactoryError: type => [new type(SECRET, SECRET, new Error(SECRET))],
  StaleShardMapError: type => [new type(new Error(SECRET))],
  DatabaseUnknownError: type => [new type(SECRET, 500), new type(SECRET, 404), new type(SECRET, 400)],
  RedisUnavailableError: type => [new type(SECRET)],
  RedisTimeoutError: type => [new type(250)],
  ScatterError: type => [new type('initech', SECRET, { cause: new Error(SECRET) }), new type('initech', SECRET, { timedOut: true })],
  PublishError: type => ['UNROUTABLE', 'EXCHANGE', 'BUFFER_FULL', 'BLOCKED', 'CLOSED', 'UNAVAILABLE', 'UNKNOWN_OUTCOME', 'REFUSED'].map(code => new type(code, SECRET)),
}

const classes = sources.flatMap(({ file, text }) =>
  [...text.matchAll(/class (\w+) extends (\w*Error)\b/g)].map(([, name, base]) => ({ name: name!, base: base!, file })))

async function load(name: string, file: string): Promise<new (...values: unknown[]) => HttpError> {
  const exported = await import(pathToFileURL(file).href) as Record<string, never>
  expect(exported[name], `${file} must export ${name}`).toBeTypeOf('function')
  return exported[name]!
}

const made = (await Promise.all(classes.filter(({ name }) => samples[name]).map(async ({ name, file }) => samples[name]!(await load(name, file))))).flat()

/** The one of a production server. */
const { default: errorHandler } = await import(pathToFileURL('node_modules/nitropack/dist/runtime/internal/error/prod.mjs').href) as {
  default: (error: H3Error, event: H3Event) => Promise<void>
}

let thrown: unknown
let lines: string[]
let captured: unknown[]
let time: number
let address: string
const server = createServer()

beforeEach(async () => {
  lines = []
  captured = []
  time = 0
  // As Nitro puts its app together.
  const capture = (error: unknown) => void captured.push(error)
  const app = createApp({
    onError: (error, event) => {
      capture(error)
      return errorHandler(error, event)
    },
  })
  app.use(eventHandler(() => {
    throw thrown
  }))
  answerErrors(app, { captureError: capture, errorHandler, log: (...given) => lines.push(given.map(part => typeof part === 'string' ? part : inspect(part)).join(' ')), now: () => time })
  server.removeAllListeners('request').on('request', toNodeListener(app))
  if (!server.listening) await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/orders?token=abc`
  vi.spyOn(console, 'error').mockImplementation(() => {})
})

afterEach(() => vi.restoreAllMocks())

async function answer(error: unknown): Promise<{ response: Response, body: Record<string, unknown>, text: string }> {
  thrown = error
  const response = await fetch(address)
  const text = await response.text()
  // The address of the request is part of Nitro's body.
  return { response, text: text.replaceAll(/"url": .*/g, ''), body: JSON.parse(text) as Record<string, unknown> }
}

describe('an error class of the module', () => {
  it('has a public sentence and a code, or is known to reach no request', () => {
    expect(classes.length).toBeGreaterThanOrEqual(16)
    const known = new Set(['HttpError', ...classes.filter(({ name }) => samples[name]).map(({ name }) => name)])
    for (const { name, base, file } of classes) {
      if (UNKNOWN_TO_REQUESTS.includes(name)) continue
      expect(samples[name], `${name} of ${file}: extend HttpError, and add how it is made to this test`).toBeDefined()
      if (name !== 'HttpError') expect(known, `${name} of ${file} extends ${base}`).toContain(base)
    }
  })

  it.each(made.map((error, index) => [`${error.name} ${error.code} ${error.statusCode} (${index})`, error] as const))('%s tells the client its sentence and code, and the log the rest', async (_, error) => {
    const { response, body, text } = await answer(error)
    expect(response.status).toBe(error.statusCode)
    expect(body).toMatchObject({ error: true, statusCode: error.statusCode, message: error.publicMessage, data: { code: error.code } })
    expect(PUBLIC_SENTENCES).toHaveProperty(error.code)
    expect(text).not.toMatch(NAMED)
    expect(response.headers.get('retry-after')).toBe(error.retryAfter === undefined ? null : String(error.retryAfter))
    if (error.statusCode === 503) expect(error.retryAfter ?? 1).toBeGreaterThanOrEqual(1)
    // The hooks of the app and whoever catches it see the whole.
    expect(captured).toEqual([error])
    expect(JSON.stringify({ error })).not.toMatch(NAMED)
    if (error instanceof PublicError) expect(lines).toEqual([])
    else {
      expect(lines).toEqual([expect.stringContaining(`GET /orders was answered with ${error.statusCode} ${error.code}:`)])
      expect(lines[0]!.split(error.message)).toHaveLength(2)
    }
    expect(lines.join()).not.toContain('token')
  })

  it('hides its message even where nothing answers for it', () => {
    for (const error of made) {
      expect(createError(error)).toBe(error)
      expect(createError(error).unhandled).toBe(error.message !== error.publicMessage)
      expect(error.message.includes(SECRET) && !createError(error).unhandled).toBe(false)
    }
  })
})

describe('answering errors', () => {
  it('leaves the errors of the app as they are', async () => {
    expect((await answer(createError({ statusCode: 418, message: 'teapot', data: { own: 1 } }))).body).toMatchObject({ statusCode: 418, message: 'teapot', data: { own: 1 } })
    expect((await answer(new Error(SECRET))).body).toMatchObject({ statusCode: 500, message: 'Server Error' })
    expect(captured).toHaveLength(2)
    expect(lines).toEqual([])
  })

  it('logs a sentence once a second, however many requests fail of it', async () => {
    for (let index = 0; index < 20; index++) await answer(new HttpError(503, 'DATABASE_BUSY', `busy ${index % 2}`))
    expect(lines).toHaveLength(2)
    time = 1000
    await answer(new HttpError(503, 'DATABASE_BUSY', 'busy 0'))
    expect(lines).toHaveLength(3)
  })

  it('logs what clients send wrong once a second, whatever they send', async () => {
    for (let index = 0; index < 20; index++) await answer(new HttpError(400, 'REGION_UNKNOWN', `The region "${index}" has no shard.`))
    expect(lines).toEqual(['GET /orders was answered with 400 REGION_UNKNOWN: The region "0" has no shard.'])
  })

  it('logs the stack of a failure of the code, and only the cause of an outage', async () => {
    await answer(new HttpError(500, 'DATABASE_EVICTED', 'kept for too long'))
    await answer(new HttpError(503, 'TENANTS_UNAVAILABLE', 'tenants() failed.', { cause: new Error('no answer of postgresql://app:hidden@db/tenants now') }))
    expect(lines[0]).toContain('request-errors.test.ts')
    expect(lines[1]).toBe('GET /orders was answered with 503 TENANTS_UNAVAILABLE: tenants() failed. (no answer of … now)')
  })
})

/** The first argument of each `new PublicError(…)` in a source, wherever its line breaks are. */
function statusesOf(text: string): string[] {
  const source = ts.createSourceFile('source.ts', text, ts.ScriptTarget.Latest)
  const statuses: string[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isNewExpression(node) && node.expression.getText(source) === 'PublicError') statuses.push(node.arguments![0]!.getText(source))
    ts.forEachChild(node, visit)
  }
  visit(source)
  return statuses
}

describe('public sentences', () => {
  it('name nothing of the server', () => {
    for (const sentence of Object.values(PUBLIC_SENTENCES)) {
      expect(sentence).toMatch(/^[A-Z].*\.$/)
      expect(sentence).not.toMatch(/scale\.|server\/|NUXT|Redis|RabbitMQ|Prisma|Postgres|queue|shard|exchange/i)
    }
  })

  it('are the only ones from status 500 on', () => {
    const calls = sources.flatMap(({ file, text }) => statusesOf(text).map(status => ({ file, status })))
    expect(calls.length).toBeGreaterThan(8)
    for (const { file, status } of calls) {
      if (file.endsWith('request/answer-errors.ts')) continue
      expect(status, file).toMatch(/^(?:4\d\d|settings\.(?:unknown|missing)|unknown)$/)
    }
  })

  it('are found over several lines', () => {
    expect(statusesOf('throw new PublicError(\n  // why\n  500, \'CODE\', `${name}, and more`)\nnew Other(new PublicError(404, \'CODE\'))')).toEqual(['500', '404'])
  })

  it('are listed in the documentation, each code with its sentence', () => {
    const page = readFileSync('docs/content/25.errors.md', 'utf8')
    const rows = [...page.matchAll(/^\| `([A-Z_]+)` \| [\d, ]+ \| (.+?) \|/gm)].map(([, code, sentence]) => [code!, sentence!])
    expect(Object.fromEntries(rows)).toEqual(PUBLIC_SENTENCES)
    expect(rows).toHaveLength(Object.keys(PUBLIC_SENTENCES).length)
  })

  it('are all in use', () => {
    const used = sources.filter(({ file }) => !file.endsWith('error-codes.ts')).map(({ text }) => text).join('\n')
    for (const code of Object.keys(PUBLIC_SENTENCES)) expect(used).toContain(`'${code}'`)
  })
})
