import { describe, expectTypeOf, it } from 'vitest'
import { z } from 'zod'
import type { ModuleOptions } from '../../src/module'
import type { TransactionOfClient } from '../../src/runtime/server/database/types'
import type { InboxContext, MessageContext, RabbitConsumer } from '../../src/runtime/server/rabbitmq/consume/types'
import { defineRabbitConsumer, useRabbit } from '../../src/runtime/server/rabbitmq/utils'

const source = { exchange: 'orders', queue: 'mail', routingKey: 'order.created' } as const

describe('the types of the RabbitMQ feature', () => {
  it('give the handler what the schema makes', () => {
    const consumer = defineRabbitConsumer({
      ...source,
      schema: z.object({ orderId: z.number(), at: z.string().transform(text => new Date(text)) }),
      handler(message, context) {
        expectTypeOf(message).toEqualTypeOf<{ orderId: number, at: Date }>()
        expectTypeOf(context).toEqualTypeOf<MessageContext>()
        expectTypeOf(context.signal).toEqualTypeOf<AbortSignal>()
      },
    })
    expectTypeOf(consumer).toEqualTypeOf<RabbitConsumer>()
  })

  it('are unknown, and not any, without a schema, unless they are named', () => {
    defineRabbitConsumer({ ...source, handler: message => expectTypeOf(message).toEqualTypeOf<unknown>() })
    defineRabbitConsumer<{ orderId: string }>({ ...source, handler: message => expectTypeOf(message).toEqualTypeOf<{ orderId: string }>() })
    void useRabbit().subscribe('orders', 'mail', '#', message => expectTypeOf(message).toEqualTypeOf<unknown>())
    void useRabbit().subscribe<{ orderId: string }>('orders', 'mail', ['a', 'b'], ({ orderId }) => expectTypeOf(orderId).toEqualTypeOf<string>())
    void useRabbit().subscribe('orders', 'mail', '#', ({ orderId }: { orderId: string }) => expectTypeOf(orderId).toEqualTypeOf<string>())
    expectTypeOf(useRabbit().publish('orders', 'order.created', {})).toEqualTypeOf<Promise<void>>()
    expectTypeOf(useRabbit().connect()).toEqualTypeOf<Promise<boolean>>()
  })

  it('give a consumer with dedupe the transaction that notes its messages, and no other', () => {
    const schema = z.object({ orderId: z.number() })
    defineRabbitConsumer({ ...source, schema, dedupe: true, handler(message, context) {
      expectTypeOf(message).toEqualTypeOf<{ orderId: number }>()
      expectTypeOf(context).toEqualTypeOf<InboxContext>()
    } })
    defineRabbitConsumer({ ...source, dedupe: 'tenant', handler: (_, context) => expectTypeOf(context).toEqualTypeOf<InboxContext>() })
    defineRabbitConsumer({ ...source, schema, handler: (_, context) => expectTypeOf(context).toEqualTypeOf<MessageContext>() })
    // @ts-expect-error there is no transaction without dedupe
    defineRabbitConsumer({ ...source, handler: (_, { tx }) => tx })
    interface Prisma { $transaction: { (queries: Promise<unknown>[]): Promise<unknown[]>, <T>(task: (tx: { order: 1 }) => Promise<T>, options?: { timeout?: number }): Promise<T> } }
    expectTypeOf<TransactionOfClient<Prisma>>().toEqualTypeOf<{ order: 1 }>()
    expectTypeOf<TransactionOfClient<object>>().toEqualTypeOf<unknown>()
  })

  it('refuse what is wrong', () => {
    // @ts-expect-error a queue is missing
    defineRabbitConsumer({ exchange: 'orders', routingKey: 'a', handler: () => {} })
    // @ts-expect-error a handler for another message than the schema makes
    defineRabbitConsumer({ ...source, schema: z.object({ orderId: z.number() }), handler: (message: { orderId: string }) => message })
    // @ts-expect-error an unknown option
    void useRabbit().publish('orders', 'a', {}, { delay: '5s' })
    // @ts-expect-error a word of its own
    void useRabbit().publish('orders', 'a', {}, { unroutable: 'drop' })
    // @ts-expect-error an unknown option of the feature
    void ({ rabbitmq: { uri: '' } } satisfies ModuleOptions)
    // @ts-expect-error an unknown role
    void ({ rabbitmq: {}, role: 'boss' } satisfies ModuleOptions)
    void ({ rabbitmq: { url: ['amqp://a', 'amqp://b'], retry: { delays: ['1s', 5] } }, role: 'worker' } satisfies ModuleOptions)
  })
})
