SET payments.backfill = 'on';

UPDATE payments
SET amount_cents = round(amount * 100)::bigint, fee_cents = round(fee * 100)::bigint
WHERE amount_cents IS NULL;
