SELECT 1::bigint AS customer_id, 1::bigint AS id, NULL::timestamptz AS placed_at, 'paid'::text AS status, 100::bigint AS total_cents WHERE %(customers)s::bigint[] IS NOT NULL
