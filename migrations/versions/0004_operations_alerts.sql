-- Operations alerts: about the service and what feeds it, not about a customer. One at most is open for each kind and scope.

alter table alerts
    alter column customer_key drop not null,
    alter column customer_id drop not null,
    add column scope text,                      -- what an operations alert is about: fleet, source:web, segment:smb, model; null: a customer's
    add constraint alerts_about check (
        (customer_key is null) = (scope is not null) and (customer_id is null) = (scope is not null)
    );
create unique index alerts_operations_open on alerts (kind, scope) where scope is not null and state <> 'resolved';
