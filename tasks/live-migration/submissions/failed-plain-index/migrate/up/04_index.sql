SET lock_timeout = '200ms';

CREATE INDEX IF NOT EXISTS payments_account_cents_idx ON payments (account_id, amount_cents);
