//! Files in the two S3 buckets, and presigned URLs.

mod delete;
pub(crate) mod files;
mod links;
mod presign;
