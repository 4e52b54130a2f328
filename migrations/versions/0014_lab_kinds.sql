-- Runs of the lab that replay the health score, or hold a version against the live one.

alter table lab_runs drop constraint lab_runs_kind_check;
alter table lab_runs add constraint lab_runs_kind_check
    check (kind in ('backtest', 'fit', 'drift', 'compare', 'preview', 'replay'));
