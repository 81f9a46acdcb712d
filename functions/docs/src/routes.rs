//! The routes of the contract.

/// Each path of the contract, such as `/api/images/{id}`, with its methods.
const ROUTES: &[(&str, &[&str])] = include!(concat!(env!("OUT_DIR"), "/routes.rs"));

/// The methods that a path supports. The list is empty if the path is not in the contract.
#[must_use]
pub fn methods(path: &str) -> Vec<&'static str> {
    let matching = ROUTES.iter().filter(|(template, _)| matches(template, path));
    matching.flat_map(|(_, methods)| methods.iter().copied()).collect()
}

fn matches(template: &str, path: &str) -> bool {
    let (mut wanted, mut found) = (template.split('/'), path.split('/'));
    loop {
        match (wanted.next(), found.next()) {
            (None, None) => return true,
            (Some(wanted), Some(found)) if wanted == found => {}
            (Some(wanted), Some(found)) if wanted.starts_with('{') && !found.is_empty() => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_the_methods_of_its_route() {
        assert_eq!(methods("/api/images"), ["GET", "POST"]);
        assert_eq!(methods("/api/images/01JZ"), ["GET", "PATCH", "DELETE"]);
        assert_eq!(methods("/api/phones/+4930901820/images"), ["GET", "POST"]);
        assert_eq!(methods("/api/openapi.json"), ["GET"]);
    }

    #[test]
    fn other_addresses_have_none() {
        for path in ["", "/", "/api", "/api/", "/api/images/", "/api/images/a/b", "/api/Images", "api/images"]
        {
            assert!(methods(path).is_empty(), "{path}");
        }
    }
}
