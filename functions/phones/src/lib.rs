//! Code that the endpoints of phone numbers share.

use api::{Problem, ProblemCode, Request};
use domain::PhoneNumber;

/// The phone number in the path. A number without a country code belongs to the country in `DEFAULT_REGION`.
///
/// # Errors
/// 400 `invalid-phone-number`
pub fn number_in_path(request: &Request) -> Result<PhoneNumber, Problem> {
    let region = aws::var("DEFAULT_REGION")?;
    phone::parse(api::path(request, "phone_number"), &region).map_err(|error| {
        Problem::new(ProblemCode::InvalidPhoneNumber, format!("phone_number: {error}."))
            .with("field", "phone_number")
    })
}
