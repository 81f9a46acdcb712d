//! Code that several workers share: S3 events, stream records, developing pictures, jobs, and providers.

mod archive;
mod arrived;
#[cfg(test)]
mod compatibility;
mod correlation;
mod develop;
mod develop_process;
mod dispatch;
mod dropbox_copy;
mod event_bus;
mod events;
mod exif;
mod failure;
mod jobs;
mod lease;
mod model;
mod pool;
mod record_batch;
mod render;
mod rendition;
mod retry;
mod stream;
mod stream_action;
mod tier_records;
mod upload_event;
mod upload_retries;
mod visibility;

pub use archive::Archive;
pub use arrived::{ArrivedUploads, has_expired};
pub use correlation::correlation_id;
pub use develop::{check_length, develop};
pub use develop_process::{DevelopOptions, DevelopProcess, MadeThumbnails, Rejected, develop_if_asked};
pub use dispatch::{Dispatcher, JobMessage};
pub use dropbox_copy::copy_to_dropbox;
pub use event_bus::EventBus;
pub use events::{delivery_id, events_of};
pub use jobs::{ClaimedJob, Queue, Worker};
pub use lease::lease;
pub use model::{Model, picture_for_model, with_secret};
pub use pool::Pool;
pub use record_batch::{
    BatchAnswer, BatchWorker, Outcomes, RECORDS_AT_ONCE, RecordBatch, RetryQueue, each_in_order, unpanicked,
};
pub use render::RenditionFile;
pub use rendition::make_rendition;
pub use retry::{JobError, no_picture};
pub use stream::{Keys, new_item, old_item};
pub use stream_action::{Removed, StreamAction};
pub use tier_records::TierRecords;
pub use upload_event::{FailedInvocation, S3Notification, UploadEvent};
pub use upload_retries::{UploadRetries, retry_delay};
