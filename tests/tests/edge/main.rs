//! A stack with `Edge=on`: everything comes through one CloudFront distribution, and pictures need signed addresses.
//!
//! The emulator deploys the distribution of template.yaml. `xtask/src/python/edge.py` checks the signatures and caches.
//! It is a separate binary, because the stack of the other tests has no edge.

mod keys;
mod page;
mod pictures;
mod signer;

use tokio::sync::RwLock;

/// Tests that change the keys have this lock alone.
static KEYS: RwLock<()> = RwLock::const_new(());
