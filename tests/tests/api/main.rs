//! Tests of the API and of the workers. The modules follow the URLs.

mod admin {
    mod images;
    mod queues;
    mod tiers;
    mod users;
}
mod auth {
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
    mod fallback;
    mod openapi;
    mod page;
}
mod images {
    mod analysis;
    mod create;
    mod delete;
    mod edits;
    mod get;
    mod links;
    mod list;
    mod status;
    mod thumbnail;
    mod update;
    mod upload;
}
mod imagesets {
    mod create;
    mod delete;
    mod get;
    mod images;
    mod list;
    mod update;
}
mod phones {
    mod images;
    mod list;
}
mod tiers {
    mod get;
    mod list;
}
mod workers {
    mod dropbox;
    mod jobs;
    mod resize;
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
mod malformed;
mod web;
