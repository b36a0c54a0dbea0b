import type { IncomingMessage } from 'node:http'
import type { App, H3Event } from 'h3'
import { beforeHeaders } from '../before-headers'
import type { PathReadings } from '../core/paths'
import { pathOf, readPath } from '../core/paths'
import { currentScope } from '../scope'
import type { GuardedRequest } from './guard'
import { guardResponse, tagResponse } from './guard'
import type { CdnTarget } from './policy'
import type { ResolvedHttpRule } from './settings'
import type { PublicFile } from './static-conditions'
import type { TagFormat } from './tag-header'
import { completeNotModified, settleConditions } from './static-conditions'

export interface HttpWrapOptions {
  ruleOf: (path: PathReadings) => ResolvedHttpRule | undefined
  publicFile: (path: string) => PublicFile | undefined
  /** Where the build files are, with a slash at the end. */
  buildAssets: string
  isSessionCookie: (name: string) => boolean
  /** Request headers that hold credentials, in lower case. */
  credentialHeaders: readonly string[]
  cdn: CdnTarget | undefined
  /** How the shared cache in front is told the tags of a response; undefined when it is not. */
  tags: TagFormat | undefined
  /** Told of a response with more tags than that cache can take. */
  onTooManyTags: (path: string) => void
}

/** Watches every response, whoever makes it, and says at the last moment who may store it. */
export function wrapWithHttpRules(app: Pick<App, 'handler'>, options: HttpWrapOptions): void {
  const { handler } = app
  const { ruleOf, publicFile, buildAssets, isSessionCookie, credentialHeaders, cdn, tags, onTooManyTags } = options

  function look({ headers }: IncomingMessage, path: PathReadings, file: PublicFile | undefined): GuardedRequest {
    const { cookie } = headers
    return {
      rule: ruleOf(path),
      hasCredentials: credentialHeaders.some(name => headers[name] !== undefined),
      hasSession: cookie !== undefined && namesOf(cookie).some(isSessionCookie),
      isPublicFile: file !== undefined,
      isBuildFile: file !== undefined && typeof path === 'string' && path.startsWith(buildAssets),
    }
  }

  app.handler = Object.assign((event: H3Event) => {
    const { req, res } = event.node
    const target = event.path
    const path = readPath(target)
    // A spelling with several meanings may reach a file, but is never trusted to: it gets the rule of a page.
    const file = typeof path === 'string' ? publicFile(path) : undefined
    if (file) settleConditions(req.headers, file)
    const request = look(req, path, file)
    // Whoever writes the headers may have left the tenant of the request.
    const scope = tags === undefined ? '' : currentScope()
    beforeHeaders(res, (response) => {
      if (file) completeNotModified(response, file)
      guardResponse(response, request, cdn)
      if (tags !== undefined && !tagResponse(response, scope, tags)) onTooManyTags(pathOf(target))
    })
    return handler(event)
  }, handler)
}

function namesOf(cookie: string): string[] {
  return cookie.split(';').map(pair => pair.slice(0, pair.includes('=') ? pair.indexOf('=') : undefined).trim())
}
