//! Rewrites index.html.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

/// The files by their path below web/, such as `views/gallery.js`.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// The attributes that name other files.
const REFERENCES: [&str; 2] = [" src=\"", " href=\""];
/// The prefix in index.html for files in web/.
const ASSETS: &str = "assets/";

/// The scripts that index.html names, by their path below web/.
pub(crate) fn scripts(page: &str) -> Vec<&str> {
    let addresses = page.split(REFERENCES[0]).skip(1).filter_map(|rest| rest.split('"').next());
    addresses
        .filter_map(|address| address.strip_prefix(ASSETS))
        .filter(|name| name.ends_with(".js"))
        .collect()
}

/// Replaces `assets/` in the addresses of index.html with `directory`.
pub(crate) fn render(page: &str, directory: &str, files: &Files) -> Result<String> {
    let mut output = String::new();
    let mut rest = page;
    while let Some((at, mark)) = REFERENCES.iter().filter_map(|mark| Some((rest.find(mark)?, mark))).min() {
        let (before, after) = rest.split_at(at + mark.len());
        let address = after.split('"').next().unwrap_or_default();
        output.push_str(before);
        if is_relative(address) {
            let name = address.strip_prefix(ASSETS).filter(|name| files.contains_key(*name));
            let name =
                name.with_context(|| format!("{address}: expected assets/ and the path of a file in web/"))?;
            output.push_str(directory);
            output.push_str(name);
        } else {
            output.push_str(address);
        }
        rest = &after[address.len()..];
    }
    output.push_str(rest);
    Ok(output)
}

fn is_relative(address: &str) -> bool {
    !address.is_empty() && !address.starts_with(['/', '#', '?']) && !address.contains(':')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(files: &[(&str, &str)]) -> Files {
        files.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect()
    }

    fn rendered(page: &str, all: &[(&str, &str)]) -> Result<String> {
        render(page, "/assets/1f/", &files(all))
    }

    #[test]
    fn only_relative_addresses_get_the_directory() {
        let page = r##"<link href="assets/style.css"><script src="assets/js/app.js"></script>
            <a href="/api/docs">a</a><a href="#b">b</a><a href="https://example.com/">c</a>"##;
        let expected = page
            .replace("\"assets/style.css\"", "\"/assets/1f/style.css\"")
            .replace("\"assets/js/app.js\"", "\"/assets/1f/js/app.js\"");
        assert_eq!(rendered(page, &[("style.css", ""), ("js/app.js", "")]).unwrap(), expected);
    }

    #[test]
    fn scripts_are_found_and_nothing_else() {
        let page =
            r#"<link href="assets/a.css"><script src="assets/js/app.js"></script><img src="assets/b.svg">"#;
        assert_eq!(scripts(page), ["js/app.js"]);
    }

    #[test]
    fn an_unknown_file_fails_the_build() {
        let script = "<script src=\"assets/app.js\"></script>";
        for (page, all) in [
            (script, vec![]),
            ("<link href=\"style.css\">", vec![("style.css", "")]),
            ("<link href=\"assets/../style.css\">", vec![("style.css", "")]),
        ] {
            assert!(rendered(page, &all).is_err(), "{page} {all:?}");
        }
    }
}
