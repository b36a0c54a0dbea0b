import { describe, expect, it } from 'vitest'
import { createPagePatternFinder } from '../../src/runtime/server/metrics/page-pattern'

const find = createPagePatternFinder([
  '/:slug(.*)*', '/', '/products/:id', '/products/new', '/posts/post-:id', '/blog/:page?', '/files/:path+', '/years/:year(\\d+)', '/years/:name', '/docs', '/docs/:rest*',
])

describe('the pattern of a page', () => {
  it.each([
    ['/', '/'],
    ['/products/7', '/products/:id'],
    ['/products/7/', '/products/:id'],
    ['/Products/7', '/products/:id'],
    ['/products/new', '/products/new'],
    ['/posts/post-12', '/posts/post-:id'],
    ['/blog', '/blog/:page?'],
    ['/blog/2', '/blog/:page?'],
    ['/files/a/b', '/files/:path+'],
    ['/years/2026', '/years/:year(\\d+)'],
    ['/years/last', '/years/:name'],
    ['/docs', '/docs'],
    ['/docs/a/b', '/docs/:rest*'],
    ['/anything/else', '/:slug(.*)*'],
  ])('of %s is %s', (path, pattern) => expect(find(path)).toBe(pattern))

  it('is missing if no page has the path', () => {
    expect(createPagePatternFinder(['/products/:id'])('/products')).toBeUndefined()
    expect(createPagePatternFinder([])('/')).toBeUndefined()
  })
})
