-- Every statement that the old version of the application sends. Each is a transaction of its own.

-- insert
INSERT INTO payments (account_id, reference, amount, fee, note)
VALUES (%(account)s, %(reference)s, %(amount)s, %(fee)s, %(note)s) RETURNING id;

-- import
INSERT INTO payments (account_id, reference, amount) VALUES (%(account)s, %(reference)s, %(amount)s)
ON CONFLICT (reference) DO UPDATE SET amount = EXCLUDED.amount RETURNING id;

-- book
UPDATE payments SET amount = amount + %(amount)s WHERE id = %(id)s;

-- charge
UPDATE payments SET fee = %(fee)s WHERE id = %(id)s;

-- correct
UPDATE payments SET amount = %(amount)s, fee = %(fee)s WHERE id = %(id)s;

-- annotate
UPDATE payments SET note = %(note)s WHERE id = %(id)s;

-- remove
DELETE FROM payments WHERE id = %(id)s;

-- read
SELECT id, amount, fee, note, updated_at FROM payments WHERE id = %(id)s;

-- total
SELECT sum(amount) FROM payments WHERE account_id = %(account)s;
