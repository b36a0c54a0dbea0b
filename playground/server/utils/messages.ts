import { z } from 'zod'

/** Messages of a new order, for the consumers of mails and of stock. */
export const orderCreated = z.object({ orderId: z.string(), userId: z.string(), totalAmount: z.number(), mailFailures: z.number().int().default(0) })
export const inventoryUpdate = z.object({ orderId: z.string(), items: z.array(z.object({ productId: z.string(), quantity: z.number().int().positive() })).min(1) })
export const userUpdated = z.object({ userId: z.string() })

/** Body of a request that creates an order. */
export const orderRequest = z.object({
  userId: z.string(),
  productId: z.string(),
  quantity: z.number().int().min(1).max(10).default(1),
  mailFailures: z.number().int().min(0).max(5).default(0),
})
