import type { IncomingMessage } from 'node:http'
import type { App } from 'h3'
import { beforeHeaders } from '../request/before-headers'
import type { PathReadings } from '../core/paths'
import { pathOf, readPath } from '../core/paths'
import { addStage } from '../request/handler-chain'
import { currentScope } from '../request/call-context'
import type { GuardedRequest } from './private-response'
import { guardPrivateResponse, tagResponse } from './private-response'
import type { CdnTarget } from './policy'
import type { ResolvedHttpRule } from './settings'
import type { PublicFile } from './static-conditions'
import type { TagFormat } from './tag-header'
import { completeNotModified, settleConditions } from './static-conditions'

export interface HttpWrapOptions {
  ruleOf: (path: PathReadings) => ResolvedHttpRule | undefined
  publicFile: (path: string) => PublicFile | undefined
  /** Path of the build files, with a trailing slash. */
  buildAssets: string
  isSessionCookie: (name: string) => boolean
  /** Request headers that contain credentials, in lower case. */
  credentialHeaders: readonly string[]
  cdn: CdnTarget | undefined
  /** How the tags of a response are sent to the shared cache; undefined if they are not sent. */
  tags: TagFormat | undefined
  /** Called for a response with more tags than that cache accepts. */
  onTooManyTags: (path: string) => void
}

/** Sets the caching headers of every response just before it is sent, no matter which code created the response. */
export function wrapWithHttpRules(app: Pick<App, 'handler'>, options: HttpWrapOptions): void {
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

  addStage(app, 'http', next => (event) => {
    const { req, res } = event.node
    const target = event.path
    const path = readPath(target)
    // A path with several readings may lead to a file, but that is not certain. It gets the rule of a page.
    const file = typeof path === 'string' ? publicFile(path) : undefined
    if (file) settleConditions(req.headers, file)
    const request = look(req, path, file)
    // Read the scope now: the code that sends the headers may run outside the tenant's context.
    const scope = tags === undefined ? '' : currentScope()
    beforeHeaders(res, (response) => {
      if (file) completeNotModified(response, file)
      guardPrivateResponse(response, request, cdn)
      if (tags !== undefined && !tagResponse(response, scope, tags)) onTooManyTags(pathOf(target))
    })
    return next(event)
  })
}

function namesOf(cookie: string): string[] {
  return cookie.split(';').map(pair => pair.slice(0, pair.includes('=') ? pair.indexOf('=') : undefined).trim())
}
