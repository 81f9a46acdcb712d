#![doc = include_str!("../README.md")]

mod error;
mod item;
mod objects;
mod profiles;
mod records;
mod work;

pub use error::StoreError;
pub use objects::Objects;
pub use records::{CreateError, Page, Records};
pub use work::{Claim, Developed, Outcome};
