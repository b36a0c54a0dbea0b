import { expect, it } from 'vitest'
import { pagePatterns } from '../../src/build/monitoring'

it('patterns of pages are written as the browser reports them', () => {
  expect(pagePatterns([
    { path: '/' },
    { path: '/products/:id()' },
    { path: '/:slug(.*)*' },
    { path: '/account', children: [{ path: '' }, { path: 'orders', children: [{ path: ':id()' }] }, { path: '/absolute' }] },
  ])).toEqual(['/', '/products/:id', '/:slug(.*)*', '/account', '/account/orders', '/account/orders/:id', '/absolute'])
})
