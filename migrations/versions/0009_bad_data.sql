-- Whose event a dead letter was, where that could be read: bad data isn't no data.

alter table dead_letters add column customer_id text;
create index dead_letters_customer on dead_letters (customer_id, created_at) where customer_id is not null;
