//! Code that only the endpoints of images use.

mod claim;
mod downloads;
mod invoke;
mod links;
mod rendition;
mod resize;

pub use downloads::DownloadBody;
pub use links::{LinkBody, check_tier, file_name_of_rendition, link_in_path, shown_rendition};
pub use rendition::RenditionWorker;
pub use resize::{ResizeWorker, find_thumbnail};
