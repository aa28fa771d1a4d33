SELECT 1::bigint AS id, %(email)s::text AS email, 'Customer'::text AS name, 'DE'::text AS country
