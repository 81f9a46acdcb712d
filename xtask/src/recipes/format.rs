//! "Add an image format"

use std::collections::BTreeSet;

use anyhow::{Context, Result};

use super::{between, contract, quoted, read, strings};

/// The media types that the contract lets clients upload.
fn assert_accepted(actual: &BTreeSet<&str>, place: &str) -> Result<()> {
    let contract = contract()?;
    let accepted = strings(&contract["components"]["schemas"]["ContentType"]["enum"])?;
    assert_eq!(*actual, accepted, "{place}, compared with `ContentType` in docs/openapi.yaml");
    Ok(())
}

#[test]
fn the_page_and_the_contract_accept_the_same_formats() -> Result<()> {
    let uploads = read("web/uploads.js")?;
    assert_accepted(&quoted(between(&uploads, "const TYPES", ";")?), "TYPES in web/uploads.js")?;
    assert_accepted(&quoted(between(&uploads, "const EXTENSIONS", "};")?), "EXTENSIONS in web/uploads.js")
}

#[test]
fn the_api_and_the_contract_accept_the_same_formats() -> Result<()> {
    let source = read("shared/domain/src/file.rs")?;
    let names = between(&source, "impl ContentType", "\n}")?;
    assert_accepted(&quoted(names), "ContentType::as_str in shared/domain/src/file.rs")?;
    let parse = between(&source, "for ContentType", "\n}")?;
    let accepted = parse.lines().filter(|line| line.contains("=> Ok("));
    let accepted = accepted.collect::<String>();
    assert_accepted(&quoted(&accepted), "ContentType::try_from in shared/domain/src/file.rs")
}

#[test]
fn the_engine_decodes_what_the_contract_accepts() -> Result<()> {
    let list = read("shared/imaging/src/formats.rs")?;
    let (_, list) = list.split_once("\nformats! {").context("no list of formats")?;
    let modules = list.split_once("\n}").context("no end of the list")?.0.lines();
    let modules = modules.filter_map(|line| Some(line.split_once(" = ")?.1.split_once("::")?.0.to_owned()));
    let mut types = BTreeSet::new();
    for module in modules {
        let source = read(&format!("shared/imaging/src/formats/{module}.rs"))?;
        types.insert(between(&source, "content_type: \"", "\"")?.to_owned());
    }
    let types = types.iter().map(String::as_str).collect();
    assert_accepted(&types, "formats! in shared/imaging/src/formats.rs")
}
