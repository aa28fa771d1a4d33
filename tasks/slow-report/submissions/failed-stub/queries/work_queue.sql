SELECT 1::bigint AS id, NULL::bigint AS customer_id, NULL::timestamptz AS placed_at, 0::bigint AS total_cents LIMIT %(limit)s::int
