//! What the endpoints of phone numbers share.

use api::{Problem, ProblemCode, Request};
use domain::PhoneNumber;

/// The phone number in the path. One without a country code is taken as dialled in the country that
/// `DEFAULT_REGION` names.
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
