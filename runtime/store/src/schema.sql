-- Nix's database schema, version 10 (Nix 2.0 and later), as the Nix manual's
-- glossary and `sqlite3 db.sqlite .schema` show it: the same tables, columns, keys,
-- indices and trigger, so that a real Nix and this program share one file.

-- A row for each valid path. `hash` is the NAR hash as "sha256:" and base 16.
create table if not exists ValidPaths (
    id               integer primary key autoincrement not null,
    path             text unique not null,
    hash             text not null,
    registrationTime integer not null,
    deriver          text,
    narSize          integer,
    ultimate         integer, -- 1: built here; null: not known to be
    sigs             text,    -- "name:base64", separated by spaces
    ca               text     -- the content address, if it has one
);

-- The edges of the graph. A path cannot go while another refers to it.
create table if not exists Refs (
    referrer  integer not null,
    reference integer not null,
    primary key (referrer, reference),
    foreign key (referrer) references ValidPaths(id) on delete cascade,
    foreign key (reference) references ValidPaths(id) on delete restrict
);
create index if not exists IndexReferrer on Refs(referrer);
create index if not exists IndexReference on Refs(reference);

-- A reference to itself must not hinder a path's deletion.
create trigger if not exists DeleteSelfRefs before delete on ValidPaths
  begin
    delete from Refs where referrer = old.id and reference = old.id;
  end;

-- Which output paths each valid .drv has.
create table if not exists DerivationOutputs (
    drv  integer not null,
    id   text not null, -- the output's name, mostly "out"
    path text not null,
    primary key (drv, id),
    foreign key (drv) references ValidPaths(id) on delete cascade
);
create index if not exists IndexDerivationOutputs on DerivationOutputs(path);
