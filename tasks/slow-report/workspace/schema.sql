-- The shop's tables as they are in the database now. For reading only: the database has them already.

CREATE TABLE customers (
    id         bigint PRIMARY KEY,
    email      text NOT NULL,               -- as typed: mixed case, stray spaces, the same address more than once
    name       text NOT NULL,
    country    text NOT NULL,
    address    text NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE products (
    id          bigint PRIMARY KEY,
    sku         text NOT NULL,              -- free text, any character
    name        text NOT NULL,
    description text NOT NULL
);

CREATE TABLE orders (
    id          bigint PRIMARY KEY,
    customer_id bigint REFERENCES customers,  -- NULL: a guest
    status      text NOT NULL CHECK (status IN ('draft', 'held', 'paid', 'shipped', 'cancelled')),
    channel     text NOT NULL,
    placed_at   timestamptz,                -- NULL: never sent off; many orders may share one instant
    total_cents bigint NOT NULL,
    note        text NOT NULL               -- any length
);

CREATE TABLE order_items (
    order_id   bigint NOT NULL REFERENCES orders,
    line_no    integer NOT NULL,
    product_id bigint NOT NULL REFERENCES products,
    quantity   integer NOT NULL CHECK (quantity > 0),
    unit_cents bigint NOT NULL,
    PRIMARY KEY (order_id, line_no)
);

CREATE INDEX orders_customer_idx ON orders (customer_id);
CREATE INDEX orders_channel_idx ON orders (channel);
