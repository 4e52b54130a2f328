-- What a version is scored by: its document with the reference that was made of the customers when it was published.
alter table scorecards add column frozen text;
