SELECT c.id, c.email, c.name, c.country FROM customers c WHERE c.id = 17 AND %(email)s::text IS NOT NULL
