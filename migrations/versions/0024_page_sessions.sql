-- Sessions of people who look at the pages: each was opened with an API key, and ends with it.

create table page_sessions (
    digest     bytea primary key,     -- of the token in the cookie, which is stored nowhere
    key_id     text not null,         -- the API key's id, to end all sessions that it opened
    sealed_key bytea not null,        -- checked with each request, so that a revoked key ends its sessions
    created_at timestamptz not null,
    expires_at timestamptz not null
);
create index page_sessions_by_key on page_sessions (key_id);
create index page_sessions_by_expiry on page_sessions (expires_at);
