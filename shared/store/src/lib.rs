#![doc = include_str!("../README.md")]

mod item;
mod objects;
mod profiles;
mod records;
mod work;

pub use objects::Objects;
pub use records::{CreateError, Page, Records};
pub use work::{Claim, Developed, Outcome};
