-- Customers with an e-mail address, letter case and outer spaces aside. Parameter: email.
SELECT c.id, c.email, c.name, c.country
FROM customers c
WHERE lower(btrim(c.email)) = lower(btrim(%(email)s::text))
ORDER BY c.id
