import { describe, expectTypeOf, it } from 'vitest'
import { defineScaleConfig } from '../../src/config'
import type { HealthCheckFunction, HealthLevel } from '../../src/config'
import type { HealthModuleOptions, ModuleOptions, ShutdownModuleOptions } from '../../src/module'

describe('the types of health and shutdown', () => {
  it('say what a check of the app may be', () => {
    expectTypeOf<Parameters<HealthCheckFunction>[0]>().toEqualTypeOf<{ signal: AbortSignal }>()
    expectTypeOf<HealthLevel>().toEqualTypeOf<'critical' | 'degraded'>()
    defineScaleConfig({
      healthChecks: {
        search: ({ signal }) => {
          expectTypeOf(signal).toEqualTypeOf<AbortSignal>()
        },
        mail: { check: async () => true, level: 'degraded', timeout: '3s' },
      },
    })
    // @ts-expect-error no such level
    defineScaleConfig({ healthChecks: { mail: { check: () => true, level: 'fatal' } } })
    // @ts-expect-error a check is a function
    defineScaleConfig({ healthChecks: { mail: 'http://mail' } })
  })

  it('name the options', () => {
    const options: ModuleOptions = { health: { checks: { redis: 'critical', shards: false }, maxEventLoopLag: '5s' }, shutdown: { drainDelay: '5s', timeout: 8, keepAliveTimeout: '65s', gracePeriod: '30s' } }
    void options
    expectTypeOf<ModuleOptions['health']>().toEqualTypeOf<false | HealthModuleOptions | undefined>()
    expectTypeOf<ModuleOptions['shutdown']>().toEqualTypeOf<false | ShutdownModuleOptions | undefined>()
    // @ts-expect-error no such feature
    const wrong: ModuleOptions = { health: { checks: { mysql: 'critical' } } }
    void wrong
  })
})
