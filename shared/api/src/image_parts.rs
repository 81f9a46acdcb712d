//! The parts of an image that a client wants in a list.

use store::{AddressChoice, ThumbnailChoice};

use crate::{Problem, Query};

/// The parts of an image that a client wants in a list. Most bytes of a list are addresses, and most time goes into their
/// signatures. So a list signs only what the client wants.
#[derive(Clone, Copy, Debug)]
pub struct ImageParts {
    /// The members.
    pub fields: ImageFields,
    /// The addresses.
    pub addresses: AddressChoice,
    /// Whether the client asks for `srcset`, which repeats the addresses of the thumbnails.
    pub(crate) srcset: bool,
}

/// A set of members of an image. It always contains `id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageFields(u64);

impl ImageFields {
    /// All members.
    pub const ALL: Self = Self(u64::MAX);

    /// The members in a list of names, separated by commas. `None` if one of them is not a member.
    fn parse(text: &str) -> Option<Self> {
        let bit = |name| Self::NAMES.iter().position(|known| *known == name).map(|index| 1 << index);
        text.split(',').try_fold(bit("id")?, |bits, name| Some(bits | bit(name.trim())?)).map(Self)
    }

    fn contains(self, name: &str) -> bool {
        Self::NAMES.iter().zip(self.each()).any(|(known, contained)| *known == name && contained)
    }

    /// For each member, whether the set contains it.
    pub(crate) fn each(self) -> impl Iterator<Item = bool> {
        (0..u64::BITS).map(move |index| self.0 >> index & 1 == 1)
    }
}

impl ImageParts {
    /// All parts.
    pub const ALL: Self = Self { fields: ImageFields::ALL, addresses: AddressChoice::ALL, srcset: true };
}

impl Query<'_> {
    /// `fields` and `thumbnails`: the parts of each image. By default, all, but `srcset` is null.
    ///
    /// `fields` is a list of members. `thumbnails` is a number of pixels: of each image, only the smallest thumbnail that
    /// covers a square of this size, or else the largest one.
    ///
    /// # Errors
    /// 400 `invalid-field`
    pub fn image_parts(&self) -> Result<ImageParts, Problem> {
        let fields = self.text("fields").map_or(Some(ImageFields::ALL), ImageFields::parse);
        let detail = "fields: members of an image, separated by commas, such as id,title,thumbnails";
        let fields = fields.ok_or_else(|| Problem::invalid_field("fields", detail))?;
        let thumbnails = match self.pixels("thumbnails")? {
            _ if !fields.contains("thumbnails") && !fields.contains("srcset") => ThumbnailChoice::None,
            Some(pixels) => ThumbnailChoice::Covering(pixels),
            None => ThumbnailChoice::All,
        };
        let addresses = AddressChoice { thumbnails, original: fields.contains("original_url") };
        let srcset = fields != ImageFields::ALL && fields.contains("srcset");
        Ok(ImageParts { fields, addresses, srcset })
    }
}

#[cfg(test)]
mod tests {
    use lambda_http::{RequestExt, http::Request};

    use super::*;
    use crate::ImageBody;

    fn parts(query: &[(&str, &str)]) -> Result<ImageParts, Problem> {
        let parameters = query.iter().map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()]));
        let parameters = parameters.collect::<std::collections::HashMap<_, _>>();
        let request = Request::new(lambda_http::Body::Empty).with_query_string_parameters(parameters);
        Query::of(&request).image_parts()
    }

    fn names(parts: ImageParts) -> Vec<String> {
        let new = domain::NewImage {
            file_name: "a".to_owned().try_into().unwrap(),
            title: None,
            description: None,
            upload: domain::Upload {
                content_type: domain::ContentType::Png,
                size: 1.try_into().unwrap(),
                checksum_sha256: None,
            },
        };
        let image = domain::Image::pending(new, domain::now());
        let body = ImageBody::new(&image, domain::Links::default()).only(parts);
        let value = serde_json::to_value(body).unwrap();
        value.as_object().unwrap().keys().cloned().collect()
    }

    #[test]
    fn a_client_receives_the_members_that_it_asks_for_and_the_id() {
        let chosen = parts(&[("fields", "title, placeholder")]).unwrap();
        assert_eq!(names(chosen), ["id", "placeholder", "title"]);
        assert_eq!(chosen.addresses, AddressChoice { thumbnails: ThumbnailChoice::None, original: false });
        let all = parts(&[]).unwrap();
        assert_eq!((names(all).len(), all.addresses), (ImageFields::NAMES.len(), AddressChoice::ALL));
        assert_eq!(names(parts(&[("fields", "")]).unwrap()).len(), ImageFields::NAMES.len());
    }

    #[test]
    fn only_the_addresses_that_a_client_asks_for_are_signed() {
        for (query, thumbnails, original) in [
            (&[("thumbnails", "256")][..], ThumbnailChoice::Covering(256), true),
            (&[("thumbnails", "256"), ("fields", "thumbnails")], ThumbnailChoice::Covering(256), false),
            (&[("fields", "thumbnails,original_url")], ThumbnailChoice::All, true),
            (&[("thumbnails", "256"), ("fields", "title")], ThumbnailChoice::None, false),
            (&[("fields", "srcset")], ThumbnailChoice::All, false),
        ] {
            assert_eq!(parts(query).unwrap().addresses, AddressChoice { thumbnails, original }, "{query:?}");
        }
    }

    #[test]
    fn other_values_are_refused_by_name() {
        for (name, value) in [
            ("fields", "titel"),
            ("fields", "id,"),
            ("fields", "*"),
            ("thumbnails", "0"),
            ("thumbnails", "-1"),
            ("thumbnails", "small"),
        ] {
            let problem = parts(&[(name, value)]).unwrap_err();
            assert_eq!(problem.to_json()["field"], name, "{value}");
        }
    }
}
