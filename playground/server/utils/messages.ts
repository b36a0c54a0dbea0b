import { z } from 'zod'

/** What is told about an order: to those who notify, and to those who keep the stock. */
export const orderCreated = z.object({ orderId: z.string(), userId: z.string(), totalAmount: z.number(), mailFailures: z.number().int().default(0) })
export const inventoryUpdate = z.object({ orderId: z.string(), items: z.array(z.object({ productId: z.string(), quantity: z.number().int().positive() })).min(1) })
export const userUpdated = z.object({ userId: z.string() })
