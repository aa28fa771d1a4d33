SELECT 1::bigint AS id, 'Customer'::text AS name, 'mail'::text AS email, %(since)s::timestamptz AS created_at WHERE %(until)s::timestamptz IS NOT NULL
