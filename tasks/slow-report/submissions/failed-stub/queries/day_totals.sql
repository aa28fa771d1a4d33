SELECT %(first)s::date AS day, 1::bigint AS orders, 0::bigint AS guests, 100::numeric AS total_cents WHERE %(last)s::date IS NOT NULL
