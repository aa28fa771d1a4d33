-- Orders that wait for a clerk, the longest waiting first. Parameter: limit.
SELECT o.id, o.customer_id, o.placed_at, o.total_cents
FROM orders o
WHERE o.status = 'held'
ORDER BY o.placed_at, o.id
LIMIT %(limit)s::int
