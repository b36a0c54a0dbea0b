import type { NitroEventHandler } from 'nitropack/types'
import { describe, expect, it } from 'vitest'
import type { ModuleRoutes } from '../../src/build/module-routes'
import { describeTaken, findTaken } from '../../src/build/module-routes'

const routes: ModuleRoutes = {
  option: 'scale.health.path',
  path: '/api/health',
  handlers: ['', '/live', '/ready'].flatMap(end => (['get', 'head'] as const).map(method => ({ route: `/api/health${end}`, method, handler: `/module${end}` }))),
}

const takenBy = (...handlers: Partial<NitroEventHandler>[]) =>
  findTaken(handlers.map(handler => ({ handler: '/app/mine.ts', ...handler })), routes).map(({ route }) => route)

describe('the routes of the module', () => {
  it.each<[Partial<NitroEventHandler>, string[]]>([
    [{ route: '/api/health' }, ['/api/health']],
    [{ route: '/api/health', method: 'get' }, ['/api/health']],
    [{ route: '/api/health', method: 'head' }, ['/api/health']],
    [{ route: '/api/health/' }, ['/api/health']],
    [{ route: '/api/health/ready', method: 'get' }, ['/api/health/ready']],
    [{ route: '/api/health/:probe' }, ['/api/health/live', '/api/health/ready']],
    [{ route: '/api/health/**' }, ['/api/health', '/api/health/live', '/api/health/ready']],
    [{ route: '/api/health/**:rest' }, ['/api/health', '/api/health/live', '/api/health/ready']],
  ])('give way to %j', (handler, taken) => {
    expect(takenBy(handler)).toEqual(taken)
  })

  it.each<Partial<NitroEventHandler>>([
    { route: '/api/health', method: 'post' },
    { route: '/api/health', middleware: true },
    { middleware: true },
    { route: '/api/healthy' },
    { route: '/api/health/ready/now' },
    { route: '/api/:name' },
    { route: '/api/**' },
    { route: '/**' },
  ])('stay beside %j', (handler) => {
    expect(takenBy(handler)).toEqual([])
  })

  it('name each file once', () => {
    const taken = [{ route: '/api/health', by: '/app/server/a.ts' }, { route: '/api/health/live', by: '/app/server/b.ts' }, { route: '/api/health/ready', by: '/app/server/b.ts' }]
    expect(describeTaken(taken, routes, '/app')).toMatch(/server\/a\.ts answers \/api\/health; server\/b\.ts answers \/api\/health\/live, \/api\/health\/ready: /)
  })
})
