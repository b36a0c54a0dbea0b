import { z } from 'zod'

/** What is told about an order: to those who notify, and to those who keep the stock. */
export const orderCreated = z.object({ orderId: z.string(), userId: z.string(), totalAmount: z.number(), mailFailures: z.number().int().default(0) })
export const inventoryUpdate = z.object({ orderId: z.string(), items: z.array(z.object({ productId: z.string(), quantity: z.number().int().positive() })).min(1) })
export const userUpdated = z.object({ userId: z.string() })

/** What a visitor sends to order something. */
export const orderRequest = z.object({
  userId: z.string(),
  productId: z.string(),
  quantity: z.number().int().min(1).max(10).default(1),
  mailFailures: z.number().int().min(0).max(5).default(0),
})
