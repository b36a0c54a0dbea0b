import { outboxTables } from 'nuxt-scale/prisma'

/** SQL that creates the tables of `prisma/schema.prisma`, so that the shop starts without a migration tool. Safe to repeat. */
export const TABLES = [
  `create table if not exists "Category" ("id" text primary key, "name" text not null)`,
  `create table if not exists "Product" ("id" text primary key, "name" text not null, "description" text not null, "price" double precision not null, "stock" integer not null,
    "categoryId" text not null references "Category", "createdAt" timestamp(3) not null default now())`,
  `create index if not exists "Product_categoryId_idx" on "Product" ("categoryId")`,
  `create index if not exists "Product_createdAt_id_idx" on "Product" ("createdAt", "id")`,
  `create index if not exists "Product_name_id_idx" on "Product" ("name", "id")`,
  `create index if not exists "Product_price_id_idx" on "Product" ("price", "id")`,
  `create table if not exists "User" ("id" text primary key, "name" text not null, "email" text not null unique, "region" text not null, "createdAt" timestamp(3) not null default now())`,
  `create index if not exists "User_region_idx" on "User" ("region")`,
  `create index if not exists "User_createdAt_idx" on "User" ("createdAt")`,
  `create table if not exists "Post" ("id" text primary key, "title" text not null, "content" text not null, "published" boolean not null default false, "authorId" text not null references "User",
    "categoryId" text references "Category", "createdAt" timestamp(3) not null default now(), "updatedAt" timestamp(3) not null default now())`,
  `create index if not exists "Post_authorId_idx" on "Post" ("authorId")`,
  `create index if not exists "Post_categoryId_idx" on "Post" ("categoryId")`,
  `create index if not exists "Post_createdAt_idx" on "Post" ("createdAt")`,
  `create index if not exists "Post_published_createdAt_idx" on "Post" ("published", "createdAt")`,
  // The index for title search needs an extension that some servers do not have.
  `do $$ begin create extension if not exists pg_trgm; create index if not exists "Post_title_idx" on "Post" using gin ("title" gin_trgm_ops); exception when others then null; end $$`,
  `create table if not exists "Comment" ("id" text primary key, "content" text not null, "postId" text not null references "Post", "authorId" text not null references "User", "createdAt" timestamp(3) not null default now())`,
  `create index if not exists "Comment_postId_idx" on "Comment" ("postId")`,
  `create index if not exists "Comment_authorId_idx" on "Comment" ("authorId")`,
  `create table if not exists "Email" ("id" text primary key, "orderId" text not null unique, "recipient" text not null, "subject" text not null, "attempt" integer not null, "createdAt" timestamp(3) not null default now())`,
  `create table if not exists "StockMove" ("id" text primary key, "orderId" text not null unique, "productId" text not null references "Product", "quantity" integer not null, "createdAt" timestamp(3) not null default now())`,
  `create table if not exists "Order" ("id" text primary key, "userId" text not null references "User", "productId" text not null, "total" double precision not null, "createdAt" timestamp(3) not null default now())`,
  `create index if not exists "Order_userId_createdAt_id_idx" on "Order" ("userId", "createdAt", "id")`,
  `create index if not exists "Order_createdAt_idx" on "Order" ("createdAt")`,
  ...outboxTables.split(';').map(table => table.trim()).filter(Boolean),
]
