//! Tests of the API and of the workers. The modules follow the URLs.

mod admin {
    mod audit;
    mod dead_letters;
    mod images;
    mod imagesets;
    mod queues;
    mod tiers;
    mod users;
}
mod auth {
    mod account;
    mod challenge;
    mod confirm;
    mod email;
    mod login;
    mod logout;
    mod password;
    mod profile;
    mod refresh;
    mod register;
    mod totp;
    mod verify;
}
mod docs {
    mod default_route;
    mod openapi;
    mod page;
}
mod images {
    mod analysis;
    mod batch;
    mod create;
    mod delete;
    mod downloads;
    mod edits;
    mod exif;
    mod get;
    mod links;
    mod list;
    mod order;
    mod rendition;
    mod search;
    mod shared;
    mod status;
    mod stripped;
    mod thumbnail;
    mod trash;
    mod update;
    mod upload;
}
mod imagesets {
    mod create;
    mod delete;
    mod get;
    mod images;
    mod list;
    mod slots;
    mod update;
}
mod import {
    mod django;
    mod interrupted;
    mod lines;
    mod run;
}
mod keys {
    mod manage;
}
mod phones {
    mod images;
    mod list;
}
mod tiers {
    mod get;
    mod list;
}
mod upload_links {
    mod create;
    mod images;
    mod list;
}
mod webhooks {
    mod deliveries;
    mod manage;
}
mod workers {
    mod delete_account;
    mod download;
    mod dropbox;
    mod events;
    mod jobs;
    mod render;
    mod setup;
    mod stream;
    mod thumbnail;
    mod tiers;
    mod upload_retries;
    mod wiring;
}
mod contract;
mod idempotency;
mod judge;
mod limits;
mod logs;
mod malformed;
mod web;

use tokio::sync::Mutex;

/// One test at a time counts, lists or redrives dead letters.
static DEAD_LETTERS: Mutex<()> = Mutex::const_new(());
