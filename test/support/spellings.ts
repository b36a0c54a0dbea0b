import fc from 'fast-check'

/** Changes of a path that some reader of it does not see. */
const changes: Record<string, (path: string, at: number) => string> = {
  encode: (path, at) => replaceAt(path, at, character => character === '/' ? '/' : encode(character)),
  encodeLower: (path, at) => replaceAt(path, at, character => character === '/' ? '/' : encode(character).toLowerCase()),
  encodeTwice: (path, at) => replaceAt(path, at, character => encode(character).replace('%', '%25')),
  encodeSlash: (path, at) => path.slice(0, 1) + path.slice(1).replace('/', at % 2 ? '%2F' : '%2f'),
  capital: (path, at) => replaceAt(path, at, character => character.toUpperCase()),
  shout: path => path.toUpperCase().replace(/%[\dA-F]{2}/g, code => code.toLowerCase()),
  slashAtEnd: path => `${path}/`,
  slashes: (path, at) => replaceAt(path, slashAt(path, at), () => '//'),
  dot: (path, at) => replaceAt(path, slashAt(path, at), () => '/./'),
  encodedDot: (path, at) => replaceAt(path, slashAt(path, at), () => '/%2e/'),
  detour: (path, at) => replaceAt(path, slashAt(path, at), () => '/x/../'),
  leave: path => `${path}/..`,
  backslash: (path, at) => path.slice(0, 1) + path.slice(1).replace('/', at % 2 ? '\\' : '%5C'),
  questionMark: path => `${path}%3Fx`,
  hash: path => `${path}%23x`,
  query: path => `${path}?x=/y//z/../%61`,
  nul: path => `${path}%00`,
  invalid: path => `${path}/%ff`,
  payload: path => `${path}/_payload.json`,
  authority: path => `//host${path}`,
  below: path => `${path}/below`,
}

function replaceAt(path: string, at: number, change: (character: string) => string): string {
  const index = at % path.length
  // Half of an encoded character is none.
  if (/%[\da-f]?$/i.test(path.slice(0, index)) || path[index] === '%' || path[index] === '?') return path
  return path.slice(0, index) + change(path[index]!) + path.slice(index + 1)
}

function slashAt(path: string, at: number): number {
  const slashes = [...path].flatMap((character, index) => character === '/' ? [index] : [])
  return slashes[at % slashes.length]!
}

function encode(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
}

/** A spelling of one of the paths: the path with up to four changes. */
export function spellings(paths: readonly string[]): fc.Arbitrary<string> {
  const step = fc.tuple(fc.constantFrom(...Object.keys(changes)), fc.nat(40))
  return fc.tuple(fc.constantFrom(...paths), fc.array(step, { maxLength: 4 }))
    .map(([path, steps]) => steps.reduce((text, [name, at]) => changes[name]!(text, at), path))
}
