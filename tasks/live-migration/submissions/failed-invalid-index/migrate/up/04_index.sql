CREATE INDEX CONCURRENTLY IF NOT EXISTS payments_account_cents_idx ON payments (account_id, amount_cents);
