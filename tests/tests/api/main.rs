//! Darkroom as its users and its events find it. The modules lie as the URLs do.

mod auth {
    mod confirm;
    mod login;
    mod logout;
    mod profile;
    mod refresh;
    mod register;
}
mod images {
    mod create;
    mod delete;
    mod get;
    mod list;
    mod status;
    mod thumbnail;
    mod upload;
}
mod workers {
    mod failed;
    mod reclaim;
    mod thumbnail;
}
mod contract;
