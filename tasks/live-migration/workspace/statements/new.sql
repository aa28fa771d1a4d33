-- Every statement that the new version of the application sends. Each is a transaction of its own.

-- insert
INSERT INTO payments (account_id, reference, amount_cents, fee_cents, note)
VALUES (%(account)s, %(reference)s, %(amount)s, %(fee)s, %(note)s) RETURNING id;

-- import
INSERT INTO payments (account_id, reference, amount_cents) VALUES (%(account)s, %(reference)s, %(amount)s)
ON CONFLICT (reference) DO UPDATE SET amount_cents = EXCLUDED.amount_cents RETURNING id;

-- book
UPDATE payments SET amount_cents = amount_cents + %(amount)s WHERE id = %(id)s;

-- charge
UPDATE payments SET fee_cents = %(fee)s WHERE id = %(id)s;

-- correct
UPDATE payments SET amount_cents = %(amount)s, fee_cents = %(fee)s WHERE id = %(id)s;

-- annotate
UPDATE payments SET note = %(note)s WHERE id = %(id)s;

-- remove
DELETE FROM payments WHERE id = %(id)s;

-- read
SELECT id, amount_cents, fee_cents, note, updated_at FROM payments WHERE id = %(id)s;

-- largest
SELECT id, amount_cents FROM payments WHERE account_id = %(account)s ORDER BY amount_cents DESC LIMIT 20;
