-- What an endpoint gets, beyond the types: the filter of changes as JSON ({}: everything).

alter table endpoints add column filter jsonb not null default '{}';
