//! Code that the endpoints of phone numbers share.

use api::{Problem, ProblemCode, Request};
use domain::PhoneNumber;

/// The phone number in the path. A number without a country code belongs to the country `region`.
///
/// # Errors
/// 400 `invalid-phone-number`
pub fn number_in_path(request: &Request, region: &str) -> Result<PhoneNumber, Problem> {
    phone::parse(api::path(request, "phone_number"), region).map_err(|error| {
        Problem::new(ProblemCode::InvalidPhoneNumber, format!("phone_number: {error}."))
            .with("field", "phone_number")
    })
}
