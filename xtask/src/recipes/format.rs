//! "Add an image format"

use std::collections::BTreeSet;

use anyhow::{Context, Result};

use super::{between, contract, quoted, read, strings};

/// The media types of pictures that the contract lets clients upload.
fn assert_accepted(actual: &BTreeSet<&str>, place: &str) -> Result<()> {
    let contract = contract()?;
    let accepted = strings(&contract["components"]["schemas"]["ContentType"]["enum"])?;
    let [actual, accepted] = [actual, &accepted].map(|types| {
        let pictures = types.iter().filter(|name| name.starts_with("image/"));
        pictures.copied().collect::<BTreeSet<_>>()
    });
    assert_eq!(actual, accepted, "{place}, compared with `ContentType` in docs/openapi.yaml");
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
fn the_api_and_the_contract_accept_the_same_other_names() -> Result<()> {
    let contract = contract()?;
    let schemas = &contract["components"]["schemas"];
    let (types, declared) =
        (strings(&schemas["ContentType"]["enum"])?, strings(&schemas["DeclaredType"]["enum"])?);
    let source = read("shared/domain/src/file.rs")?;
    let mut accepted = quoted(between(&source, "fn registered", "\n}")?);
    // An unknown type has an empty name.
    accepted.insert("");
    accepted.extend(&types);
    assert_eq!(
        accepted, declared,
        "shared/domain/src/file.rs, compared with `DeclaredType` in docs/openapi.yaml"
    );
    Ok(())
}

/// The names in the list of formats of the engine, each with its module.
fn engine() -> Result<Vec<(String, String)>> {
    let source = read("shared/imaging/src/formats.rs")?;
    let (_, list) = source.split_once("\nformats! {").context("no list of formats")?;
    let lines = list.split_once("\n}").context("no end of the list")?.0.lines();
    let formats = lines.filter_map(|line| line.trim().split_once(" = "));
    Ok(formats
        .filter_map(|(name, decoder)| Some((name.to_owned(), decoder.split_once("::")?.0.to_owned())))
        .collect())
}

#[test]
fn the_engine_decodes_what_the_contract_accepts() -> Result<()> {
    let mut types = BTreeSet::new();
    for (_, module) in engine()? {
        let source = read(&format!("shared/imaging/src/formats/{module}.rs"))?;
        types.insert(between(&source, "content_type: \"", "\"")?.to_owned());
    }
    let types = types.iter().map(String::as_str).collect();
    assert_accepted(&types, "formats! in shared/imaging/src/formats.rs")
}

#[test]
fn every_format_of_the_engine_has_tests() -> Result<()> {
    let refusals = read("shared/imaging/tests/develop/refusals.rs")?;
    let common = between(&refusals, "fn the_content_decides_the_format", "\n}")?;
    let modules = read("shared/imaging/tests/develop/main.rs")?;
    for (name, module) in engine()? {
        let tested =
            common.contains(&format!("Format::{name}")) || modules.contains(&format!("\nmod {module};"));
        assert!(
            tested,
            "shared/imaging/tests/develop has no file {module}.rs, and no picture in all_formats"
        );
    }
    Ok(())
}

#[test]
fn every_sentence_that_lists_the_formats_names_all() -> Result<()> {
    let contract = contract()?;
    let types = strings(&contract["components"]["schemas"]["ContentType"]["enum"])?;
    let names: Vec<&str> = types.iter().filter_map(|name| name.strip_prefix("image/")).collect();
    for file in ["web/texts.js", "shared/imaging/src/error.rs"] {
        let text = read(file)?.to_lowercase();
        for line in text.lines().filter(|line| line.contains("send a jpeg, png")) {
            for name in &names {
                assert!(line.contains(name), "{file} does not name {name}: {line}");
            }
        }
    }
    Ok(())
}
