//! The options of a rendition in their canonical form.

use serde::{Deserialize, Serialize};

use super::{
    Color, Dpr, Fit, FocalPoint, Gravity, InvalidOption, Pixels, Quality, RenditionFormat, RequestedRendition,
};
use crate::InvalidField;

/// The options of a rendition. Requests that mean the same, whatever the picture is, have equal options: `dpr` is
/// multiplied in, and parameters without an effect are left out.
///
/// In JSON, it is an object with the parameters' names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RequestedRendition")]
pub struct RenditionOptions {
    #[serde(skip_serializing_if = "Option::is_none")]
    width: Option<Pixels>,
    #[serde(skip_serializing_if = "Option::is_none")]
    height: Option<Pixels>,
    fit: Fit,
    /// Only for `cover` and `crop`.
    #[serde(skip_serializing_if = "Option::is_none")]
    gravity: Option<Gravity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    background: Option<Color>,
    /// Not for PNG, which loses nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    quality: Option<Quality>,
    format: RenditionFormat,
}

impl RenditionOptions {
    /// Reads the names and values of a query string.
    ///
    /// # Errors
    /// [`InvalidOption`] names the first parameter that is unknown, repeated or out of range. It names `width` if both
    /// `width` and `height` are missing.
    pub fn from_query<'a>(
        query: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, InvalidOption> {
        let missing =
            |error: InvalidField| InvalidOption { name: "width".to_owned(), reason: error.to_string() };
        RequestedRendition::from_query(query)?.try_into().map_err(missing)
    }

    /// The options for a client that sent this `Accept` header, which chooses among the formats of `format=auto`.
    #[must_use]
    pub fn for_accept(self, accept: Option<&str>) -> Self {
        Self { format: self.format.negotiated(accept), ..self }.canonicalized()
    }

    /// Replaces a `gravity` of `auto` with the focal point of the image, if the image has one.
    #[must_use]
    pub fn with_focal_point(self, point: Option<FocalPoint>) -> Self {
        match (self.gravity, point) {
            (Some(Gravity::Auto), Some(point)) => Self { gravity: Some(Gravity::Point(point)), ..self },
            _ => self,
        }
    }

    /// The width of the area in pixels.
    #[must_use]
    pub fn width(&self) -> Option<u32> {
        self.width.map(Pixels::get)
    }

    /// The height of the area in pixels.
    #[must_use]
    pub fn height(&self) -> Option<u32> {
        self.height.map(Pixels::get)
    }

    /// How the picture fits the area. It is never [`Fit::Contain`], which means the same as [`Fit::ScaleDown`].
    #[must_use]
    pub fn fit(&self) -> Fit {
        self.fit
    }

    /// The point that a crop keeps. `auto` is the centre here.
    #[must_use]
    pub fn gravity(&self) -> FocalPoint {
        match self.gravity {
            Some(Gravity::Point(point)) => point,
            Some(Gravity::Auto) | None => FocalPoint::CENTRE,
        }
    }

    /// What lies under transparent pixels, and beside a picture with [`Fit::Pad`]. Without it, transparent pixels stay
    /// transparent (in JPEG, they become white), and the border has no color if the picture has transparency, and is white
    /// otherwise.
    #[must_use]
    pub fn background(&self) -> Option<Color> {
        self.background
    }

    /// The quality. It has no effect on PNG.
    #[must_use]
    pub fn quality(&self) -> Quality {
        self.quality.unwrap_or(Quality::DEFAULT)
    }

    /// The format.
    #[must_use]
    pub fn format(&self) -> RenditionFormat {
        self.format
    }

    /// [`super::Rendition::canonical`] of a picture.
    pub(super) fn canonical(&self) -> String {
        let mut parts = Vec::with_capacity(7);
        parts.extend(self.width.map(|width| format!("w{}", width.get())));
        parts.extend(self.height.map(|height| format!("h{}", height.get())));
        parts.push(self.fit.as_str().to_owned());
        parts.extend(self.gravity.map(|_| self.gravity().to_string()));
        parts.extend(self.background.map(|color| color.to_string()));
        parts.extend(self.quality.map(|quality| format!("q{}", quality.get())));
        parts.push(self.format.as_str().to_owned());
        parts.join("-")
    }

    /// Leaves out what has no effect.
    fn canonicalized(mut self) -> Self {
        let has_area = self.width.is_some() && self.height.is_some();
        // With one side only, the picture decides the other side, so there is nothing to cut off and no border.
        if !has_area || self.fit == Fit::Contain {
            self.fit = Fit::ScaleDown;
        }
        if !matches!(self.fit, Fit::Cover | Fit::Crop) {
            self.gravity = None;
        }
        if self.format == RenditionFormat::Png {
            self.quality = None;
        }
        // White is what lies under a JPEG anyway.
        if self.format == RenditionFormat::Jpeg && self.background == Some(Color::WHITE) {
            self.background = None;
        }
        self
    }
}

impl TryFrom<RequestedRendition> for RenditionOptions {
    type Error = InvalidField;

    fn try_from(requested: RequestedRendition) -> Result<Self, InvalidField> {
        let RequestedRendition { width, height, fit, gravity, background, quality, dpr, format } = requested;
        if width.is_none() && height.is_none() {
            return Err(InvalidField::from("send width, height or both"));
        }
        let [width, height] = dpr.unwrap_or(Dpr::ONE).apply(width, height);
        let options = Self {
            width,
            height,
            fit: fit.unwrap_or_default(),
            gravity: Some(gravity.unwrap_or_default()),
            background,
            quality: Some(quality.unwrap_or(Quality::DEFAULT)),
            format: format.unwrap_or_default(),
        };
        Ok(options.canonicalized())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rendition;

    fn parse(query: &str) -> Result<RenditionOptions, InvalidOption> {
        RenditionOptions::from_query(query.split('&').filter_map(|pair| pair.split_once('=')))
    }

    fn canonical(query: &str) -> String {
        Rendition::Picture(parse(query).unwrap()).canonical()
    }

    #[test]
    fn options_that_mean_the_same_have_one_form() {
        for (form, queries) in [
            ("w320-scale-down-q80-auto", "width=320 width=160&dpr=2 width=320&fit=cover&gravity=0x0"),
            ("w320-scale-down-q80-auto", "fit=pad&width=320&quality=80&format=auto width=320&fit=contain"),
            ("h9-scale-down-q80-auto", "height=9 height=3&dpr=3 height=6&dpr=1.5"),
            ("w320-h240-cover-0.5x0.5-q80-webp", "width=320&height=240&fit=cover&format=webp"),
            ("w320-h240-cover-0.5x0.5-q80-webp", "format=webp&height=240&width=320&fit=cover&gravity=auto"),
            (
                "w320-h240-cover-0.5x0.5-q80-webp",
                "width=320&height=240&fit=cover&gravity=0.50x.5&format=webp",
            ),
            (
                "w320-h240-cover-0.5x0.5-q80-webp",
                "width=320&height=240&fit=cover&gravity=0.5001x0.4999&format=webp",
            ),
            ("w8-h9-pad-00ff7f-png", "width=8&height=9&fit=pad&background=#00FF7F&format=png&quality=3"),
            ("w8-h9-pad-q80-jpeg", "width=8&height=9&fit=pad&background=ffffff&format=jpeg&gravity=1x1"),
            ("w8-h9-crop-0x1-q7-avif", "width=8&height=9&fit=crop&gravity=0x1&format=avif&quality=7"),
            // The factor is smaller, so that the area keeps its shape.
            ("w4096-h2048-scale-down-q80-auto", "width=2048&height=1024&dpr=3"),
        ] {
            for query in queries.split(' ') {
                assert_eq!(canonical(query), form, "{query}");
                let json = serde_json::to_string(&parse(query).unwrap()).unwrap();
                assert_eq!(
                    serde_json::from_str::<RenditionOptions>(&json).unwrap(),
                    parse(query).unwrap(),
                    "{json}"
                );
            }
        }
        assert_eq!(Rendition::StrippedOriginal.canonical(), "stripped");
    }

    #[test]
    fn the_focal_point_of_the_image_is_the_gravity_auto() {
        let point = "0.25x1".parse().ok();
        let form = |query| Rendition::Picture(parse(query).unwrap()).with_focal_point(point).canonical();
        assert_eq!(form("width=1&height=2&fit=cover"), "w1-h2-cover-0.25x1-q80-auto");
        assert_eq!(form("width=1&height=2&fit=cover&gravity=0.5x0.5"), "w1-h2-cover-0.5x0.5-q80-auto");
        assert_eq!(form("width=1&height=2"), "w1-h2-scale-down-q80-auto");
    }

    #[test]
    fn accept_chooses_the_format() {
        for (accept, format) in [
            (None, "auto"),
            (Some("*/*"), "auto"),
            (Some("image/*,*/*;q=0.8"), "auto"),
            (Some("image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"), "avif"),
            (Some("image/webp,*/*"), "webp"),
            (Some("application/json, IMAGE/AVIF;q=0.5"), "avif"),
            (Some("image/avif;q=0, image/webp;q=0.1"), "webp"),
            (Some("image/avifs"), "auto"),
        ] {
            let options = parse("width=1").unwrap().for_accept(accept);
            assert_eq!(options.format().as_str(), format, "{accept:?}");
            let jpeg = parse("width=1&format=jpeg").unwrap().for_accept(accept);
            assert_eq!(jpeg.format(), RenditionFormat::Jpeg, "{accept:?}");
        }
    }

    #[test]
    fn a_parameter_that_is_unknown_repeated_missing_or_out_of_range_is_named() {
        for (query, name) in [
            ("", "width"),
            ("fit=cover", "width"),
            ("width=1&wdith=2", "wdith"),
            ("width=1&Height=2", "Height"),
            ("width=1&width=1", "width"),
            ("width=1&fit=pad&fit=pad", "fit"),
            ("width=0", "width"),
            ("width=4097", "width"),
            ("width=", "width"),
            ("width=1.5", "width"),
            ("width=-1", "width"),
            ("height=99999999999", "height"),
            ("width=1&fit=squeeze", "fit"),
            ("width=1&gravity=left", "gravity"),
            ("width=1&gravity=0.5", "gravity"),
            ("width=1&gravity=0.5x1.01", "gravity"),
            ("width=1&gravity=NaNx0", "gravity"),
            ("width=1&background=red", "background"),
            ("width=1&background=fffffff", "background"),
            ("width=1&background=+fffff", "background"),
            ("width=1&quality=0", "quality"),
            ("width=1&quality=101", "quality"),
            ("width=1&dpr=0.9", "dpr"),
            ("width=1&dpr=3.01", "dpr"),
            ("width=1&dpr=inf", "dpr"),
            ("width=1&format=gif", "format"),
        ] {
            assert_eq!(parse(query).map_err(|error| error.name), Err(name.to_owned()), "{query}");
        }
    }

    #[test]
    fn a_json_object_has_the_same_names() {
        let read = serde_json::from_str::<RenditionOptions>;
        let json = r##"{"width": 8, "height": 9, "fit": "pad", "background": "#00ff7f", "dpr": 1.5, "format": "png"}"##;
        assert_eq!(Rendition::Picture(read(json).unwrap()).canonical(), "w12-h14-pad-00ff7f-png");
        for json in
            ["{}", r#"{"width": 0}"#, r#"{"width": 1, "depth": 2}"#, r#"{"width": 1, "quality": 101}"#]
        {
            assert!(read(json).is_err(), "{json}");
        }
    }
}
