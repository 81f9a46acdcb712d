//! What a camera wrote into a picture, as an image's record stores it.

/// The fields that the engine has read.
pub(crate) fn exif(read: imaging::Exif) -> domain::Exif {
    let location = |place: imaging::Location| domain::Location {
        latitude: place.latitude,
        longitude: place.longitude,
        altitude: place.altitude,
    };
    domain::Exif {
        // The engine returns only valid times.
        taken_at: read.taken_at.and_then(|time| time.try_into().ok()),
        camera: read.camera,
        lens: read.lens,
        exposure_time: read.exposure_time,
        f_number: read.f_number,
        iso: read.iso,
        focal_length: read.focal_length,
        location: read.location.map(location),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_what_was_read_is_lost() {
        let place = imaging::Location { latitude: -33.85, longitude: 151.21, altitude: Some(-3.5) };
        let read = imaging::Exif {
            taken_at: Some("2026-05-01T14:30:05.123+02:00".to_owned()),
            camera: Some("Apple iPhone 15 Pro".to_owned()),
            lens: Some("back camera 6.8mm f/1.8".to_owned()),
            exposure_time: Some(0.004),
            f_number: Some(1.78),
            iso: Some(64),
            focal_length: Some(6.765),
            location: Some(place),
        };
        insta::assert_json_snapshot!(exif(read), @r#"
        {
          "taken_at": "2026-05-01T14:30:05.123+02:00",
          "camera": "Apple iPhone 15 Pro",
          "lens": "back camera 6.8mm f/1.8",
          "exposure_time": 0.004,
          "f_number": 1.78,
          "iso": 64,
          "focal_length": 6.765,
          "location": {
            "latitude": -33.85,
            "longitude": 151.21,
            "altitude": -3.5
          }
        }
        "#);
        assert!(exif(imaging::Exif::default()).is_empty());
    }
}
