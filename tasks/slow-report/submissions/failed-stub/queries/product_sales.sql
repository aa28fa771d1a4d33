SELECT 1::bigint AS id, %(prefix)s::text AS sku, 'Product'::text AS name, 1::bigint AS orders, 1::bigint AS units, 1::numeric AS revenue_cents
