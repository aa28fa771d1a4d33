-- Tables and sample data. Keys and constraints come after the rows: that loads several times faster.
SELECT setseed(0.4221);

CREATE TABLE customers (id bigint, email text NOT NULL, name text NOT NULL, country text NOT NULL, address text NOT NULL, created_at timestamptz NOT NULL);
CREATE TABLE products (id bigint, sku text NOT NULL, name text NOT NULL, description text NOT NULL);
CREATE TABLE orders (id bigint, customer_id bigint, status text NOT NULL, channel text NOT NULL, placed_at timestamptz, total_cents bigint NOT NULL, note text NOT NULL);
CREATE TABLE order_items (order_id bigint NOT NULL, line_no integer NOT NULL, product_id bigint NOT NULL, quantity integer NOT NULL, unit_cents bigint NOT NULL);

INSERT INTO customers
SELECT n,
       CASE n % 3 WHEN 0 THEN ' User' WHEN 1 THEN 'user' ELSE 'USER' END || n % 18000 || '@' || (ARRAY['mail', 'Post', 'büro'])[1 + n % 3] || '.example' || CASE n % 4 WHEN 0 THEN ' ' ELSE '' END,
       'Customer ' || md5(n::text),
       (ARRAY['DE', 'FR', 'IT', 'PL', 'SE'])[1 + n % 5],
       'Street ' || md5((n * 7)::text) || ' ' || n % 300 || ', ' || md5((n * 13)::text),
       timestamptz '2022-01-01 00:00:00+00' + n * interval '1 hour' + random() * interval '50 minutes'
FROM generate_series(1, 20000) AS n;

INSERT INTO products
SELECT n,
       chr(65 + (n / 3) % 26) || chr(65 + (n / 78) % 26) || '_' || lpad((n / 3)::text, 5, '0') || '-' || n % 3,
       'Product ' || md5(n::text),
       'About ' || md5((n * 3)::text) || ' and ' || md5((n * 5)::text)
FROM generate_series(1, 20000) AS n;

-- Customers 1 to 3 are marketplaces with a tenth of all orders each; about a third of the other customers never ordered.
INSERT INTO orders
SELECT n,
       CASE WHEN r < 0.05 THEN NULL WHEN r < 0.35 THEN 1 + n % 3 ELSE 4 + (3 * floor(random() * 6665))::bigint + n % 2 END,
       CASE WHEN n % 50 = 7 THEN 'draft' WHEN n % 97 = 3 THEN 'held' WHEN n % 11 = 5 THEN 'cancelled' WHEN n % 4 = 1 THEN 'paid' ELSE 'shipped' END,
       (ARRAY['web', 'app', 'phone', 'marketplace'])[1 + n % 4],
       CASE WHEN n % 50 = 7 THEN NULL
            WHEN n / 60 % 20 = 0 THEN timestamptz '2023-01-01 00:00:00+00' + (n / 60) * interval '6 hours'
            ELSE timestamptz '2023-01-01 00:00:00+00' + n * interval '6 minutes' + random() * interval '40 minutes' END,
       500 + floor(random() * 90000)::bigint,
       'Note ' || md5(n::text) || ' ' || md5((n * 11)::text) || ' ' || md5((n * 17)::text)
FROM (SELECT n, random() AS r FROM generate_series(1, 100000) AS n) AS numbered;

INSERT INTO order_items
SELECT 1 + (n - 1) / 3 * 2, 1 + (n - 1) % 3, 1 + floor(random() * 19000)::bigint, 1 + n % 5, 100 + floor(random() * 20000)::bigint
FROM generate_series(1, 150000) AS n;

ALTER TABLE customers ADD PRIMARY KEY (id);
ALTER TABLE products ADD PRIMARY KEY (id);
ALTER TABLE orders ADD PRIMARY KEY (id);
ALTER TABLE order_items ADD PRIMARY KEY (order_id, line_no);
ALTER TABLE orders ADD FOREIGN KEY (customer_id) REFERENCES customers;
ALTER TABLE orders ADD CHECK (status IN ('draft', 'held', 'paid', 'shipped', 'cancelled'));
ALTER TABLE order_items ADD FOREIGN KEY (order_id) REFERENCES orders;
ALTER TABLE order_items ADD FOREIGN KEY (product_id) REFERENCES products;
ALTER TABLE order_items ADD CHECK (quantity > 0);
CREATE INDEX orders_customer_idx ON orders (customer_id);
CREATE INDEX orders_channel_idx ON orders (channel);
ANALYZE customers;
ANALYZE products;
ANALYZE orders;
ANALYZE order_items;
