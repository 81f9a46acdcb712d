//! What a camera wrote into a picture, in responses.

use domain::{Exif, Location};
use serde::Serialize;

/// What a camera wrote into the current picture. Members without a value are null.
#[derive(Debug, Serialize)]
pub(crate) struct ExifBody<'a> {
    taken_at: Option<&'a str>,
    camera: Option<&'a str>,
    lens: Option<&'a str>,
    exposure_time: Option<f64>,
    f_number: Option<f64>,
    iso: Option<u32>,
    focal_length: Option<f64>,
    location: Option<LocationBody>,
}

#[derive(Debug, Serialize)]
struct LocationBody {
    latitude: f64,
    longitude: f64,
    altitude: Option<f64>,
}

impl<'a> ExifBody<'a> {
    pub(crate) fn new(exif: &'a Exif) -> Self {
        let location = |&Location { latitude, longitude, altitude }: &Location| LocationBody {
            latitude,
            longitude,
            altitude,
        };
        Self {
            taken_at: exif.taken_at.as_ref().map(domain::TakenAt::as_str),
            camera: exif.camera.as_deref(),
            lens: exif.lens.as_deref(),
            exposure_time: exif.exposure_time,
            f_number: exif.f_number,
            iso: exif.iso,
            focal_length: exif.focal_length,
            location: exif.location.as_ref().map(location),
        }
    }

    /// The body for anyone but the owner.
    pub(crate) fn without_location(self) -> Self {
        Self { location: None, ..self }
    }
}
